import { GetInboxEntries, ListDeleted, ListInbox, ListUnread, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { findInboxEntry, inboxViews, isDeleted, type ProfileCache, statesOf } from "@strata/doors";
import {
  OBJECT_PAGES,
  objectDeleted,
  parseInboxFilter,
  parseObjectId,
  parsePaging,
  requireUserId,
} from "@strata/layer-protocol";
import { z } from "zod";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { LayerCount, pagingOf, UserAnnouncementPath, UserPath } from "../openapi/parameters.ts";
import { InboxFilterQuery } from "../openapi/inbox-schemas.ts";
import { InboxEntry } from "../openapi/announcement-schemas.ts";
import { announcementIdOf } from "./announcement-id.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
  readonly profiles: ProfileCache;
}

export const listInbox = (deps: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/announcements",
  access: "announcements:read",
  operation: operation({
    id: "listUserAnnouncements",
    tag: "Users",
    summary: "A user's inbox, newest first",
    path: UserPath,
    description: "Without what she has deleted for herself, and what was recalled or has expired.",
    query: pagingOf(OBJECT_PAGES, "URI or UUID of an announcement of this inbox").extend(InboxFilterQuery.shape),
    answer: {
      status: 200,
      description: "One page of the inbox",
      schema: z.array(InboxEntry),
      headers: LayerCount,
    },
    errors: [404, 422],
  }),
  handle: (call) => list(call, deps),
});

async function list(call: Call, { users, profiles }: Deps): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const { since, unread } = parseInboxFilter(call.query);
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("announcements", text));
  const page = { userId, limit: pageSize, after: fromId, since };
  const { entries, total } = await (unread ? unreadPage(call, users, page) : inboxPage(call, users, page));
  return onePage(await inboxViews(call, profiles, userId, rowsOfPage(entries)), total);
}

type Page = PayloadOf<typeof ListUnread>;
type Listed = ReplyOf<typeof ListInbox>;

async function inboxPage(call: Call, users: KnownUsers, { since, ...page }: Page): Promise<Listed> {
  const listed = async (without: readonly string[]): Promise<Listed> => {
    const knownSince = await users.requireSince(call, page.userId);
    const filters = {
      ...(since === null ? {} : { since }),
      ...(without.length === 0 ? {} : { without: [...without] }),
    };
    return call.calls.ask(ListInbox, { ...page, knownSince, ...filters });
  };
  const [{ announcementIds: deleted }, all] = await Promise.all([
    call.calls.ask(ListDeleted, { userId: page.userId }),
    listed([]),
  ]);
  // Most have deleted nothing: then both were asked at the same time.
  return deleted.length === 0 ? all : listed(deleted);
}

/** What is unread is receipt-tracking's to say, and what it says is announcement-fanout's. */
async function unreadPage(call: Call, users: KnownUsers, page: Page): Promise<Listed> {
  const { userId } = page;
  const [{ keys, total }] = await Promise.all([call.calls.ask(ListUnread, page), users.require(call, userId)]);
  if (keys === null || keys.length === 0) return { entries: keys && [], total };
  const { entries } = await call.calls.ask(GetInboxEntries, { userId, keys });
  return { entries, total };
}

export const getInboxEntry = (deps: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/announcements/:announcement",
  access: "announcements:read",
  operation: operation({
    id: "getUserAnnouncement",
    tag: "Users",
    summary: "An announcement as one of its recipients sees it",
    path: UserAnnouncementPath,
    answer: { status: 200, description: "The announcement", schema: InboxEntry },
    errors: [404, 410, 422],
  }),
  handle: (call) => get(call, deps),
});

/** To who is no recipient it is none: what it says is asked for, but not shown. */
async function get(call: Call, { users, profiles }: Deps): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const announcementId = announcementIdOf(call);
  await users.require(call, userId);
  const entry = await findInboxEntry(call, userId, announcementId);
  const states = await statesOf(call, userId, [entry]);
  if (isDeleted(states.get(announcementId))) throw objectDeleted("The user has deleted this announcement");
  const [view] = await inboxViews(call, profiles, userId, [entry], states);
  return ok(view);
}
