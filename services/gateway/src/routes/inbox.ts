import { type Announcement, FindRecipients, GetAnnouncement, GetReceiptStates, ListInbox } from "@strata/contracts";
import {
  announcementUserView,
  notFound,
  OBJECT_PAGES,
  parseObjectId,
  parsePaging,
  profileOfSender,
  requireUserId,
} from "@strata/layer-protocol";
import { z } from "zod";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { LayerCount, pagingOf, UserAnnouncementPath, UserPath } from "../openapi/parameters.ts";
import { InboxEntry } from "../openapi/announcement-schemas.ts";
import { announcementIdOf } from "./announcement-id.ts";
import type { KnownUsers } from "./known-users.ts";
import { type ProfileCache, senderIds } from "./profiles.ts";

interface Deps {
  readonly users: KnownUsers;
  readonly profiles: ProfileCache;
}

export const listInbox = (deps: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/announcements",
  access: "app:read",
  operation: operation({
    id: "listUserAnnouncements",
    tag: "Users",
    summary: "A user's inbox, newest first",
    path: UserPath,
    query: pagingOf(OBJECT_PAGES, "URI or UUID of an announcement of this inbox"),
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
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("announcements", text));
  const knownSince = await users.requireSince(call, userId);
  const { entries, total } = await call.calls.ask(ListInbox, { userId, limit: pageSize, after: fromId, knownSince });
  if (entries === null) throw notFound("from_id names no row of this list");
  return ok(await viewsOf(call, profiles, userId, entries), { "Layer-Count": String(total) });
}

export const getInboxEntry = (deps: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/announcements/:announcement",
  access: "app:read",
  operation: operation({
    id: "getUserAnnouncement",
    tag: "Users",
    summary: "An announcement as one of its recipients sees it",
    path: UserAnnouncementPath,
    answer: { status: 200, description: "The announcement", schema: InboxEntry },
    errors: [404, 422],
  }),
  handle: (call) => get(call, deps),
});

/** To who is no recipient it is none: what it says is asked for, but not shown. */
async function get(call: Call, { users, profiles }: Deps): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const announcementId = announcementIdOf(call);
  await users.require(call, userId);
  const [{ found }, { progress }] = await Promise.all([
    call.calls.ask(FindRecipients, { checks: [{ announcementId, userIds: [userId] }] }),
    call.calls.ask(GetAnnouncement, { announcementId }),
  ]);
  const isRecipient = found.some((one) => one.userIds.includes(userId));
  const [view] =
    progress && isRecipient && isInInboxes(progress.announcement)
      ? await viewsOf(call, profiles, userId, [progress.announcement])
      : [];
  if (view === undefined) throw notFound("There is no such announcement");
  return ok(view);
}

/** Not what was recalled, or is over: that nobody sees any more, whoever had it. */
const isInInboxes = ({ state, expiresAt }: Announcement): boolean =>
  state !== "recalled" && state !== "expired" && (expiresAt ?? Number.POSITIVE_INFINITY) > Date.now();

const UNTOUCHED = { status: "sent", deliveredAt: null, readAt: null } as const;

async function viewsOf(call: Call, cache: ProfileCache, userId: string, entries: readonly Announcement[]) {
  if (entries.length === 0) return [];
  const [{ states }, profiles] = await Promise.all([
    call.calls.ask(GetReceiptStates, { userId, announcementIds: entries.map((entry) => entry.announcementId) }),
    cache.of(call, senderIds(entries.map(({ sender }) => sender))),
  ]);
  const stateOf = new Map(states.map((state) => [state.announcementId, state]));
  return entries.map((entry) =>
    announcementUserView(
      call.wire,
      userId,
      entry,
      stateOf.get(entry.announcementId) ?? UNTOUCHED,
      profileOfSender(entry.sender, profiles),
    ),
  );
}
