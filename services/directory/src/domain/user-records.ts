import type { DirectoryRecord } from "@strata/contracts";
import type { DecisionRow } from "./decision.ts";
import type { FlagRow } from "./flag.ts";
import type { SessionRow } from "./session.ts";
import type { DeviceFacts, UserRow } from "./user.ts";

/** What is said of her row apart from her identity; then of each of her devices. */
export function factsRecords(
  row: UserRow,
  counted: { readonly blockedByCount: number; readonly moderationScore: number | null },
): readonly DirectoryRecord[] {
  const { createdAt = null, firstSessionAt = null, lastSeenAt = null, visitedAt = null } = row;
  const { locale = null, timeZone = null, externalUnread, devices = [] } = row;
  const times = { createdAt, firstSessionAt, lastSeenAt, visitedAt };
  return [{ type: "user_facts", ...times, locale, timeZone, externalUnread, ...counted }, ...devices.map(deviceRecord)];
}

const deviceRecord = (device: DeviceFacts): DirectoryRecord => ({
  type: "device_facts",
  deviceId: device.deviceId,
  platform: device.platform,
  appVersion: device.appVersion,
  locale: device.locale,
  timeZone: device.timeZone,
  registeredAt: device.registeredAt,
});

/** Nothing by which anybody could go on with it. */
export const sessionRecord = ({ beganAt, expiresAt, endedAt }: SessionRow): DirectoryRecord => ({
  type: "session",
  beganAt,
  expiresAt: expiresAt.getTime(),
  endedAt: endedAt ?? null,
});

const aboutFlag = ({ flagId, messageId, conversationId, reason, state, createdAt, changedAt }: FlagRow) => ({
  flagId,
  messageId,
  conversationId,
  reason,
  state,
  createdAt,
  changedAt,
});

export const flagMadeRecord = (row: FlagRow): DirectoryRecord => ({
  type: "flag_made",
  ...aboutFlag(row),
  userId: row.userId,
  comment: row.comment,
});

export const flagAgainstRecord = (row: FlagRow): DirectoryRecord => ({ type: "flag_against", ...aboutFlag(row) });

/** Without whose flags it was, and what who reviewed it noted. */
export const decisionRecord = (row: DecisionRow): DirectoryRecord => ({
  type: "moderation_decision",
  decisionId: row.decisionId,
  threshold: row.threshold,
  score: row.score,
  at: row.at,
  state: row.state,
  actions: row.actions.map(({ action }) => action.kind),
  verdict: row.review?.verdict ?? null,
  reviewedAt: row.review?.at ?? null,
});

export const muteRecord = ({ _id, until }: { readonly _id: string; readonly until: Date }): DirectoryRecord => ({
  type: "mute",
  decisionId: _id.slice(_id.lastIndexOf("/") + 1),
  until: until.getTime(),
});
