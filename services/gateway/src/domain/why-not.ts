import type { AnnouncementState, PushOutcomeView } from "@strata/contracts";
import { ofSkipped, ofWaiting } from "./why-no-push.ts";
import type { WhyNot, WhyNotCode } from "./why-not-code.ts";

export interface StoryFacts {
  readonly isKnown: boolean;
  readonly isRecipient: boolean;
  readonly state: AnnouncementState;
  /** Nothing is pushed. */
  readonly isSilent: boolean;
  readonly isRead: boolean;
  readonly outcomes: readonly PushOutcomeView[];
  /** How many devices she has now. */
  readonly devices: number;
}

const about = (code: WhyNotCode, message: string, deviceId: string | null = null): WhyNot => ({
  code,
  message,
  deviceId,
  until: null,
});

/** Every reason for which an announcement, or its push, did not reach somebody, as far as it is known. */
export function whyNot(facts: StoryFacts): WhyNot[] {
  const { isKnown, isRecipient, state } = facts;
  if (isRecipient) return [...ofEnd(facts), ...ofPushes(facts)];
  if (!isKnown) return [about("unknown_user", "There is no such user, and there was none when it was sent")];
  switch (state) {
    case "distributed":
      return [about("not_in_audience", "The user was not among those whom it was sent to")];
    case "accepting":
    case "distributing":
      return [about("not_yet", "It is still being distributed, and may reach this user yet")];
    case "scheduled":
      return [about("scheduled", "It has not started yet")];
    case "paused":
      return [about("paused", "It is paused, and has not reached this user")];
    case "canceled":
      return [about("canceled", "It was canceled, and had not reached this user")];
    case "recalled":
      return [about("recalled", "It was recalled, and is in no inbox")];
    case "expired":
      return [about("expired", "Its time is over, and it is in no inbox")];
    default:
      return state satisfies never;
  }
}

/** What was taken away again from somebody who had not read it. */
function ofEnd({ state, isRead }: StoryFacts): WhyNot[] {
  if (isRead) return [];
  if (state === "recalled") return [about("recalled", "It was recalled before the user had read it")];
  return state === "expired" ? [about("expired", "Its time was over before the user had read it")] : [];
}

/** No push goes out for what is in no inbox any more. */
const ENDED: ReadonlySet<AnnouncementState> = new Set(["recalled", "expired"]);

function ofPushes({ outcomes, devices, isSilent, state }: StoryFacts): WhyNot[] {
  if (outcomes.length > 0) return outcomes.flatMap(ofPush);
  if (isSilent || ENDED.has(state)) return [];
  if (devices === 0) return [about("no_device", "The user has no device that pushes could go to")];
  return [about("not_yet", "Its pushes are not under way yet")];
}

function ofPush({ outcome, reason, policy = null, deviceId, at }: PushOutcomeView): WhyNot[] {
  switch (outcome) {
    case "accepted":
      return [];
    case "failed":
      return [about("push_failed", `The push was given up: ${reason ?? "no reason is known"}`, deviceId)];
    case "expired":
      return [about("push_expired", "The push could not be sent before its time was over", deviceId)];
    case "skipped":
      return [{ ...ofSkipped(policy, reason), deviceId, until: null }];
    case "waiting":
      return [{ ...ofWaiting(policy), deviceId, until: at }];
    default:
      return outcome satisfies never;
  }
}
