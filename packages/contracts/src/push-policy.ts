import { z } from "zod";
import { Actor } from "./actor.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { Millis, UserId } from "./values.ts";

/** No more than so many pushes to one user within any so many hours. */
export const PushCap = z.object({
  pushes: z.number().int().min(1).max(1_000),
  hours: z.number().int().min(1).max(720),
});
export type PushCap = z.infer<typeof PushCap>;

/** A time of day, `22:00`, wherever the recipient is. */
export const TimeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "is no time of day, as 22:00");

/** From one time of day to another; over midnight where `to` is the earlier. */
export const QuietHours = z
  .object({ from: TimeOfDay, to: TimeOfDay })
  .refine(({ from, to }) => from !== to, "ends when it begins");
export type QuietHours = z.infer<typeof QuietHours>;

/** How what is visible is pushed. What wakes an app silently follows suspensions and blocks alone. */
export const PushRules = z.object({
  /** In quiet hours a push waits for their end, is left out, or goes all the same. */
  inQuietHours: z.enum(["wait", "skip", "push"]),
  /** Not to who is there already: was seen within the last minute. */
  isSkippedOnline: z.boolean(),
  /** Not to who has read it already, by whatever way. */
  isSkippedRead: z.boolean(),
  /** How long an open app is given to show it by itself. */
  delaySeconds: z.number().int().min(0).max(3_600),
  /** Only to who has not read it so many minutes later; null: at once. */
  unreadAfterMinutes: z.number().int().min(1).max(1_440).nullable(),
  cap: PushCap.nullable(),
});
export type PushRules = z.infer<typeof PushRules>;

/** Who gets pushes of a category without having said anything: `on` unless she opts out, `off` unless she opts in, `always`. */
export const CategoryChoice = z.enum(["on", "off", "always"]);

/** A category's own rules; what it leaves out is as for all. */
export const CategoryPolicy = PushRules.partial().extend({ choice: CategoryChoice.optional() });
export type CategoryPolicy = z.infer<typeof CategoryPolicy>;

/** `announcements`, `messages` and `notifications` are the categories of what names none. */
export const CategoryName = z.string().min(1).max(64);
export const MAX_CATEGORIES = 100;
const hasFew = (named: object): boolean => Object.keys(named).length <= MAX_CATEGORIES;

/** An app's policy over pushes. */
export const PushPolicy = z.object({
  quietHours: QuietHours.nullable(),
  /** IANA name; of whom no time zone is known. */
  fallbackTimeZone: z.string(),
  /** Of all categories together. */
  cap: PushCap.nullable(),
  /** For every category that says nothing else. */
  rules: PushRules,
  categories: z.record(CategoryName, CategoryPolicy).refine(hasFew, `has more than ${MAX_CATEGORIES} categories`),
});
export type PushPolicy = z.infer<typeof PushPolicy>;

/** Of an app that never set one: everything is pushed at once. */
export const DEFAULT_PUSH_POLICY: PushPolicy = {
  quietHours: null,
  fallbackTimeZone: "UTC",
  cap: null,
  rules: {
    inQuietHours: "wait",
    isSkippedOnline: false,
    isSkippedRead: false,
    delaySeconds: 0,
    unreadAfterMinutes: null,
    cap: null,
  },
  categories: {},
};

/** What one user wants. */
export const PushPreferences = z.object({
  /** Categories that she opted out of (false) or into (true). */
  categories: z.record(CategoryName, z.boolean()).refine(hasFew, `has more than ${MAX_CATEGORIES} categories`),
  /** Hers in place of the app's; null: the app's. */
  quietHours: QuietHours.nullable(),
  /** IANA name; null: as her newest device has it. */
  timeZone: z.string().nullable(),
  /** Nothing is pushed until then; null: not muted. */
  mutedUntil: Millis.nullable(),
});
export type PushPreferences = z.infer<typeof PushPreferences>;

export const NO_PREFERENCES: PushPreferences = { categories: {}, quietHours: null, timeZone: null, mutedUntil: null };

/** What decides over a push, in the order in which it is asked; the first that does not let it pass decides. */
export const PUSH_POLICIES = [
  "suspended",
  "blocked",
  "opted_out",
  "muted",
  "already_read",
  "delay",
  "unread_after",
  "quiet_hours",
  "online",
  "category_cap",
  "cap",
] as const;
export const PushPolicyName = z.enum(PUSH_POLICIES);
export type PushPolicyName = z.infer<typeof PushPolicyName>;

/**
 * Sets an app's whole policy, unless a later one holds; the reply is what holds then, and decides everywhere two seconds
 * later. Refused: `invalid_property` for a `fallback_time_zone` that is none.
 */
export const SetPushPolicy = defineCommand({
  service: "push-delivery",
  lane: "admin",
  name: "SetPushPolicy",
  version: 1,
  payload: z.object({ policy: PushPolicy, at: Millis, actor: Actor.optional() }),
  reply: PushPolicy,
});

/** As it is stored; `DEFAULT_PUSH_POLICY` of an app that never set one. */
export const GetPushPolicy = defineQuery({
  service: "push-delivery",
  name: "GetPushPolicy",
  version: 1,
  payload: z.object({}),
  reply: z.object({ policy: PushPolicy }),
});

/**
 * Changes what a user wants: what is absent stays; a category with null is as if she had never said. Changes nothing once a
 * later change holds; the reply is what holds then. Refused: `invalid_property` for a `time_zone` that is none, and for
 * `categories` when she would have said something about too many.
 */
export const ChangePushPreferences = defineCommand({
  service: "push-delivery",
  lane: "preferences",
  name: "ChangePushPreferences",
  version: 1,
  payload: z.object({
    userId: UserId,
    changes: PushPreferences.omit({ categories: true })
      .partial()
      .extend({ categories: z.record(CategoryName, z.boolean().nullable()).optional() }),
    at: Millis,
  }),
  reply: PushPreferences,
  orderedBy: ({ userId }) => userId,
});

/** `NO_PREFERENCES` of who never said anything, known or not. */
export const GetPushPreferences = defineQuery({
  service: "push-delivery",
  name: "GetPushPreferences",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ preferences: PushPreferences }),
});
