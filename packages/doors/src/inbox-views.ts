import { type Announcement, GetReceiptStates, type RecipientState } from "@strata/contracts";
import { announcementUserView, profileOfSender } from "@strata/layer-protocol";
import type { Call } from "./call.ts";
import { type ProfileCache, senderIds } from "./profiles.ts";
import { toldTo, toldToEach } from "./told-to.ts";

type States = ReadonlyMap<string, RecipientState>;

/** By herself, for herself. */
export const isDeleted = (state: RecipientState | undefined): boolean => typeof state?.deletedAt === "number";

const UNTOUCHED = { status: "sent", deliveredAt: null, readAt: null } as const;
const READ = { ...UNTOUCHED, status: "read" } as const;

/** What became of announcements at one user; untouched ones are absent. */
export async function statesOf(call: Call, userId: string, entries: readonly Announcement[]): Promise<States> {
  if (entries.length === 0) return new Map();
  const announcementIds = entries.map((entry) => entry.announcementId);
  const { states } = await call.calls.ask(GetReceiptStates, { userId, announcementIds });
  return new Map(states.map((state) => [state.announcementId, state]));
}

/** Announcements as a user reads them. */
export async function inboxViews(
  call: Call,
  cache: ProfileCache,
  userId: string,
  stored: readonly Announcement[],
  states: States | Promise<States> = statesOf(call, userId, stored),
) {
  const [entries, stateOf, profiles] = await Promise.all([
    toldTo(call, userId, stored),
    states,
    stored.length === 0 ? new Map() : cache.of(call, senderIds(stored.map(({ sender }) => sender))),
  ]);
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

/**
 * One announcement as each of up to 1,000 recipients reads it who has read it, or has not touched it. Where it says the same
 * to all of them, their views differ in nothing but whom `recipient_status` names.
 */
export async function recipientViews(
  call: Call,
  cache: ProfileCache,
  announcement: Announcement,
  userIds: readonly string[],
) {
  const [toldOf, profiles] = await Promise.all([
    toldToEach(call, announcement, userIds),
    cache.of(call, senderIds([announcement.sender])),
  ]);
  const sender = profileOfSender(announcement.sender, profiles);
  return (userId: string, isRead: boolean) =>
    announcementUserView(call.wire, userId, toldOf(userId), isRead ? READ : UNTOUCHED, sender);
}
