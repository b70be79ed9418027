import type { AnnouncementState, PushOutcomeView } from "@strata/contracts";

/** Why something did not happen to one recipient. Stable: callers compare them. */
export const WHY_NOT_CODES = [
  "unknown_user",
  "not_in_audience",
  "not_yet",
  "no_device",
  "push_failed",
  "push_waiting",
] as const;
export type WhyNotCode = (typeof WHY_NOT_CODES)[number];

export interface WhyNot {
  readonly code: WhyNotCode;
  readonly message: string;
  /** Of a push, the device. */
  readonly deviceId: string | null;
}

export interface StoryFacts {
  readonly isKnown: boolean;
  readonly isRecipient: boolean;
  readonly state: AnnouncementState;
  readonly outcomes: readonly PushOutcomeView[];
  /** How many devices she has now. */
  readonly devices: number;
}

const about = (code: WhyNotCode, message: string, deviceId: string | null = null): WhyNot => ({
  code,
  message,
  deviceId,
});

/** Every reason for which an announcement, or its push, did not reach somebody, as far as it is known. */
export function whyNot({ isKnown, isRecipient, state, outcomes, devices }: StoryFacts): WhyNot[] {
  if (!isRecipient) {
    if (!isKnown) return [about("unknown_user", "There is no such user, and there was none when it was sent")];
    if (state !== "distributed")
      return [about("not_yet", "It is still being distributed, and may reach this user yet")];
    return [about("not_in_audience", "The user was not among those whom it was sent to")];
  }
  if (outcomes.length > 0) return outcomes.flatMap(ofPush);
  if (devices === 0) return [about("no_device", "The user has no device that pushes could go to")];
  return [about("not_yet", "Its pushes are not under way yet")];
}

function ofPush({ outcome, reason, deviceId }: PushOutcomeView): WhyNot[] {
  switch (outcome) {
    case "accepted":
      return [];
    case "failed":
      return [about("push_failed", `The push was given up: ${reason ?? "no reason is known"}`, deviceId)];
    case "waiting":
      return [about("push_waiting", "The push waits for its next try", deviceId)];
    default:
      return outcome satisfies never;
  }
}
