import type { PushPolicyName } from "@strata/contracts";
import type { WhyNot } from "./why-not-code.ts";

type Reason = Pick<WhyNot, "code" | "message">;

/** What each policy means to one recipient: where it left her push out, and where her push waits for it. */
const WORDS: Readonly<
  Record<PushPolicyName, Pick<Reason, "code"> & { readonly skipped: string; readonly waiting: string }>
> = {
  suspended: {
    code: "suspended",
    skipped: "The user is suspended: nothing is pushed to her",
    waiting: "The push waits as long as the user is suspended",
  },
  blocked: {
    code: "blocked",
    skipped: "The user blocks the sender",
    waiting: "The push waits as long as the user blocks the sender",
  },
  opted_out: {
    code: "opted_out",
    skipped: "The user opted out of pushes of this category, or never opted in",
    waiting: "The push waits until the user opts in to pushes of this category",
  },
  muted: {
    code: "muted",
    skipped: "The user had muted her pushes until a later time",
    waiting: "The push waits until the user is no longer muted",
  },
  already_read: {
    code: "already_read",
    skipped: "The user had read it before it was pushed",
    waiting: "The push waits to see whether the user has read it",
  },
  delay: {
    code: "push_delayed",
    skipped: "Its time was over before the delay that the app's policy gives an open app",
    waiting: "The push waits, so that an open app can show it first",
  },
  unread_after: {
    code: "push_delayed",
    skipped:
      "The user read it by herself in the time that the app's policy gives her, or its time was over before that",
    waiting: "The push waits to see whether the user reads it by herself",
  },
  quiet_hours: {
    code: "quiet_hours",
    skipped:
      "It was quiet hours where the user is: the app's policy leaves such pushes out, or its time was over before they were",
    waiting: "The push waits for the end of quiet hours where the user is",
  },
  online: {
    code: "online",
    skipped: "The user was in the app, where she sees it without a push",
    waiting: "The push waits as long as the user is in the app",
  },
  category_cap: {
    code: "capped",
    skipped: "The user had had as many pushes of this category as the app's policy allows",
    waiting: "The push waits until the app's policy allows another one of this category",
  },
  cap: {
    code: "capped",
    skipped: "The user had had as many pushes as the app's policy allows",
    waiting: "The push waits until the app's policy allows another one",
  },
};

/** Why a push was left out. */
export function ofSkipped(policy: PushPolicyName | null, reason: string | null): Reason {
  if (policy === null)
    return { code: "push_failed", message: `The push was left out: ${reason ?? "no reason is known"}` };
  const { code, skipped } = WORDS[policy];
  // Who read it by herself has read it, whatever it was that waited for her to.
  return { code: policy === "unread_after" ? "already_read" : code, message: skipped };
}

/** What a push waits for. */
export function ofWaiting(policy: PushPolicyName | null): Reason {
  if (policy === null) return { code: "push_waiting", message: "The push waits for its next try" };
  const { code, waiting } = WORDS[policy];
  return { code, message: waiting };
}
