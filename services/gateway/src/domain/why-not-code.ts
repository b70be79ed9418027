/** Why something did not happen to one recipient. Stable: callers compare them. */
export const WHY_NOT_CODES = [
  "unknown_user",
  "not_in_audience",
  "not_yet",
  "scheduled",
  "paused",
  "canceled",
  "recalled",
  "expired",
  "no_device",
  "push_failed",
  "push_waiting",
  "push_delayed",
  "push_expired",
  "suspended",
  "blocked",
  "opted_out",
  "muted",
  "already_read",
  "quiet_hours",
  "online",
  "capped",
] as const;
export type WhyNotCode = (typeof WHY_NOT_CODES)[number];

export interface WhyNot {
  readonly code: WhyNotCode;
  readonly message: string;
  /** Of a push, the device. */
  readonly deviceId: string | null;
  /** Of a push that waits: when it is looked at again. */
  readonly until: number | null;
}
