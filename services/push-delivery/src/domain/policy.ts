import {
  type CategoryPolicy,
  type PushCap,
  type PushPolicy,
  type PushPolicyName,
  type PushPreferences,
  type PushRules,
  type QuietHours,
} from "@strata/contracts";
import { quietUntilAt } from "./quiet-hours.ts";
import type { Subject } from "./subject.ts";

/** What policies ask about a push, the same for whoever it goes to. */
export interface PolicedPush {
  readonly category: string;
  readonly isUrgent: boolean;
  /** There is nothing to see or hear: it only wakes the app. */
  readonly isSilent: boolean;
  /** It changes what is shown already, or takes it away. */
  readonly isFollowUp: boolean;
  /** When that was said which it tells of. */
  readonly at: number;
  /** When it is given up. */
  readonly expiresAt: number;
}

/** How much of a cap one user has used up, this push left out. */
export interface CapUse {
  readonly cap: PushCap;
  readonly used: number;
  /** When the next place is free; null: there is one. */
  readonly freeAt: number | null;
}

/** What is known of one recipient, as far as the policy in force asks for it. */
export interface Facts {
  readonly preferences: PushPreferences;
  readonly isSuspended: boolean;
  readonly isBlockingSender: boolean;
  /** As the directory has it. */
  readonly timeZone: string | null;
  readonly lastSeenAt: number | null;
  /** A client of hers has a socket open, and shows it by itself. */
  readonly hasSocket: boolean;
  readonly hasRead: boolean;
  /** Whether this push has its place under the caps; null: not looked at. */
  readonly caps: { readonly hasPlace: boolean; readonly category: CapUse | null; readonly all: CapUse | null } | null;
}

export interface Check {
  readonly policy: PushPolicyName;
  readonly decision: "send" | "skip" | "wait";
  /** In words, with the numbers that count. */
  readonly detail: string;
}

export interface Decision {
  readonly decision: "send" | "skip" | "wait";
  /** Which decided; null: all let it pass. */
  readonly policy: PushPolicyName | null;
  /** Of one that waits: when it is decided again. */
  readonly until: number | null;
  readonly timeZone: string;
  /** In the order of asking, up to the one that decided. */
  readonly checks: readonly Check[];
}

/** All let it pass, or none was asked. */
export const PASSED: Decision = { decision: "send", policy: null, until: null, timeZone: "UTC", checks: [] };

/** Who was seen so recently has the app open, also where it opens no socket. */
const ONLINE_MS = 60_000;
const MINUTE_MS = 60_000;

/** The rules of a category: its own, and those for all where it says nothing. */
export function rulesOf(
  { rules, categories }: PushPolicy,
  category: string,
): PushRules & Pick<CategoryPolicy, "choice"> {
  // A plain look-up would find "constructor" in every object.
  const own = Object.hasOwn(categories, category) ? categories[category] : undefined;
  if (own === undefined) return rules;
  return {
    choice: own.choice,
    inQuietHours: own.inQuietHours ?? rules.inQuietHours,
    isSkippedOnline: own.isSkippedOnline ?? rules.isSkippedOnline,
    isSkippedRead: own.isSkippedRead ?? rules.isSkippedRead,
    delaySeconds: own.delaySeconds ?? rules.delaySeconds,
    // Null is a rule of its own.
    unreadAfterMinutes: own.unreadAfterMinutes === undefined ? rules.unreadAfterMinutes : own.unreadAfterMinutes,
    cap: own.cap === undefined ? rules.cap : own.cap,
  };
}

/** The pseudo-categories of what names none. */
export const categoryOf = (kind: Subject["kind"] | "notification", named: string | null | undefined): string =>
  named === null || named === undefined || named === "" ? `${kind}s` : named;

/** Hers, her device's, or the app's for whom none is known. */
const timeZoneOf = ({ preferences, timeZone }: Facts, { fallbackTimeZone }: PushPolicy): string =>
  preferences.timeZone ?? timeZone ?? fallbackTimeZone;

interface Context {
  readonly push: PolicedPush;
  readonly facts: Facts;
  readonly rules: ReturnType<typeof rulesOf>;
  readonly quietHours: QuietHours | null;
  readonly timeZone: string;
  readonly now: number;
  readonly quietUntil: ReturnType<typeof quietUntilAt>;
}

type Answer = { readonly decision: "send" | "skip"; readonly detail: string } | WaitAnswer;
interface WaitAnswer {
  readonly decision: "wait";
  readonly until: number;
  readonly detail: string;
}

const pass = (detail: string): Answer => ({ decision: "send", detail });
const skip = (detail: string): Answer => ({ decision: "skip", detail });

/** Waits, where that has an end before the push is given up. */
function waitUntil(until: number, { push }: Context, detail: string): Answer {
  if (until < push.expiresAt) return { decision: "wait", until, detail: `${detail}; waits until ${iso(until)}` };
  return skip(`${detail} until ${iso(until)}, and it is given up at ${iso(push.expiresAt)}`);
}

const iso = (at: number): string => new Date(at).toISOString();

/** In the order of `PUSH_POLICIES`. */
const CHECKS: readonly (readonly [PushPolicyName, (context: Context) => Answer])[] = [
  ["suspended", ({ facts }) => (facts.isSuspended ? skip("the user is suspended") : pass("the user is not suspended"))],
  [
    "blocked",
    ({ facts }) =>
      facts.isBlockingSender ? skip("the user blocks its sender") : pass("the user does not block its sender"),
  ],
  ["opted_out", choice],
  ["muted", mute],
  [
    "already_read",
    ({ facts, rules }) => {
      if (!rules.isSkippedRead) return pass("goes also to who has read it");
      return facts.hasRead ? skip("the user has read it") : pass("the user has not read it");
    },
  ],
  ["delay", delay],
  ["unread_after", unreadAfter],
  ["quiet_hours", quiet],
  [
    "online",
    ({ facts: { lastSeenAt, hasSocket }, rules, now }) => {
      if (!rules.isSkippedOnline) return pass("goes also to who is online");
      if (hasSocket) return skip("the user has a socket open");
      if (lastSeenAt === null) return pass("the user was never seen");
      const isOnline = lastSeenAt > now - ONLINE_MS;
      return isOnline ? skip(`seen last at ${iso(lastSeenAt)}`) : pass(`seen last at ${iso(lastSeenAt)}`);
    },
  ],
  ["category_cap", ({ facts }) => underCap(facts, "category")],
  ["cap", ({ facts }) => underCap(facts, "all")],
];

function choice({ push: { category }, rules, facts }: Context): Answer {
  const { choice: isOn = "on" } = rules;
  if (isOn === "always") return pass(`nobody can opt out of ${category}`);
  const { categories } = facts.preferences;
  const said = Object.hasOwn(categories, category) ? categories[category] : undefined;
  if (said === true) return pass(`the user opted into ${category}`);
  if (said === false) return skip(`the user opted out of ${category}`);
  return isOn === "on"
    ? pass(`the user said nothing about ${category}`)
    : skip(`the user did not opt into ${category}`);
}

/** Only what is urgent passes. */
function mute({ push, facts, now }: Context): Answer {
  const { mutedUntil } = facts.preferences;
  if (mutedUntil === null || mutedUntil <= now) return pass("not muted");
  return push.isUrgent ? pass("muted, and urgent") : skip(`muted until ${iso(mutedUntil)}`);
}

function delay(context: Context): Answer {
  const { push, rules, now } = context;
  if (rules.delaySeconds === 0) return pass("no delay");
  if (push.isUrgent) return pass(`${rules.delaySeconds} s of delay, and urgent`);
  const until = push.at + rules.delaySeconds * 1_000;
  return now < until
    ? waitUntil(until, context, `${rules.delaySeconds} s for an open app to show it`)
    : pass(`${rules.delaySeconds} s of delay are over`);
}

function unreadAfter(context: Context): Answer {
  const { push, facts, rules, now } = context;
  const { unreadAfterMinutes: minutes } = rules;
  if (minutes === null) return pass("goes at once");
  if (push.isUrgent) return pass(`only when unread after ${minutes} min, and urgent`);
  if (facts.hasRead) return skip(`only when unread after ${minutes} min, and the user has read it`);
  const until = push.at + minutes * MINUTE_MS;
  return now < until
    ? waitUntil(until, context, `only when unread after ${minutes} min`)
    : pass(`unread after ${minutes} min`);
}

function quiet(context: Context): Answer {
  const { push, rules, quietHours, timeZone } = context;
  if (quietHours === null) return pass("no quiet hours");
  const named = `quiet from ${quietHours.from} to ${quietHours.to} in ${timeZone}`;
  if (rules.inQuietHours === "push") return pass(`${named}, which ${push.category} does not keep`);
  if (push.isUrgent) return pass(`${named}, and urgent`);
  const until = context.quietUntil(quietHours, timeZone);
  if (until === null) return pass(`${named}, which it is not now`);
  return rules.inQuietHours === "skip" ? skip(`${named}, until ${iso(until)}`) : waitUntil(until, context, named);
}

function underCap({ caps }: Facts, which: "category" | "all"): Answer {
  const use = caps?.[which] ?? null;
  if (caps === null || use === null) return pass("no cap");
  const { cap, used, freeAt } = use;
  const said = `${used} of ${cap.pushes} in ${cap.hours} h`;
  if (caps.hasPlace) return pass(`has its place; the others are ${said}`);
  return freeAt === null ? pass(said) : skip(`${said}; the next at ${iso(freeAt)}`);
}

/** How far down the list what is not seen, and what follows something seen, is asked about. */
function lastCheckOf({ isFollowUp, isSilent }: PolicedPush): number {
  if (isFollowUp) return 1;
  return isSilent ? 2 : CHECKS.length;
}

/**
 * What decides over pushes of a policy at one moment. The explanation of a push and its delivery call the same function,
 * with facts from the same place; delivery has taken a place under the caps before it asks for the second time.
 */
export function decider(
  policy: PushPolicy,
  push: PolicedPush,
  now: number,
  quietAt: Context["quietUntil"] = quietUntilAt(now),
): (facts: Facts) => Decision {
  const rules = rulesOf(policy, push.category);
  const asked = CHECKS.slice(0, lastCheckOf(push));
  return (facts) => {
    const timeZone = timeZoneOf(facts, policy);
    const quietHours = facts.preferences.quietHours ?? policy.quietHours;
    const context = { push, facts, rules, quietHours, timeZone, now, quietUntil: quietAt };
    const checks: Check[] = [];
    for (const [name, check] of asked) {
      const answer = check(context);
      checks.push({ policy: name, decision: answer.decision, detail: answer.detail });
      if (answer.decision === "send") continue;
      const until = answer.decision === "wait" ? answer.until : null;
      return { decision: answer.decision, policy: name, until, timeZone, checks };
    }
    return { decision: "send", policy: null, until: null, timeZone, checks };
  };
}
