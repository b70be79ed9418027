import { MarkInboxRead, RecordReceipts } from "@strata/contracts";
import { findInboxEntry } from "@strata/doors";
import { formatTime, parseReadUntil, requireUserId } from "@strata/layer-protocol";
import { accepted, type Answer, type Call, noContent, type Route } from "../http/route.ts";
import { InboxReadBody, InboxReadView } from "../openapi/inbox-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { UserAnnouncementPath, UserPath } from "../openapi/parameters.ts";
import { announcementIdOf } from "./announcement-id.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
}

export const deleteInboxEntry = (deps: Deps): Route => ({
  method: "delete",
  path: "/apps/:app/users/:user/announcements/:announcement",
  access: "announcements:write",
  operation: operation({
    id: "deleteUserAnnouncement",
    tag: "Users",
    summary: "Delete an announcement from a user's own inbox",
    description:
      "It leaves her inbox and her unread count, and asking for it answers 410. She stays one of its recipients: what was " +
      "counted of her stays, and `deleted` counts her too. Deleting it again changes nothing.",
    path: UserAnnouncementPath,
    answer: { status: 204, description: "Deleted" },
    errors: [404, 422],
  }),
  handle: (call) => remove(call, deps),
});

async function remove(call: Call, { users }: Deps): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const announcementId = announcementIdOf(call);
  await users.require(call, userId);
  await findInboxEntry(call, userId, announcementId);
  const deleted = { userId, kind: "deleted", at: Date.now() } as const;
  await call.calls.request(RecordReceipts, { announcementId, receipts: [deleted] });
  return noContent;
}

export const markInboxRead = (deps: Deps & { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path: "/apps/:app/users/:user/announcements/read",
  access: "announcements:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: "markUserAnnouncementsRead",
    tag: "Users",
    summary: "Mark all announcements of a user's inbox as read",
    description:
      "Each that she has not read or deleted gets its receipt, as if it were reported by itself: shortly after the answer, " +
      "a thousand at a time.",
    path: UserPath,
    body: InboxReadBody,
    isBodyOptional: true,
    answer: { status: 202, description: "Accepted, with the time that was used", schema: InboxReadView },
    errors: [404, 413, 422],
  }),
  handle: (call) => markRead(call, deps),
});

async function markRead(call: Call, { users }: Deps): Promise<Answer> {
  const at = Date.now();
  const until = parseReadUntil(call.body, at);
  const userId = requireUserId(call.param("user"));
  const knownSince = await users.requireSince(call, userId);
  await call.calls.request(MarkInboxRead, { userId, until, at, knownSince });
  return accepted({ until: formatTime(until) });
}
