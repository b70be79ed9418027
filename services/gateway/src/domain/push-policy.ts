import {
  CategoryName,
  type CategoryPolicy,
  MAX_CATEGORIES,
  PushCap,
  PushPolicy,
  PushRules,
  QuietHours,
} from "@strata/contracts";
import {
  invalidProperty,
  isJsonObject,
  isPrototypeKey,
  isStorableKey,
  parseBySchema,
  requireJsonObject,
} from "@strata/layer-protocol";
import { isTimeZone } from "@strata/local-time";
import { z } from "zod";

export const WireQuietHours = z
  .strictObject({
    from: QuietHours.shape.from.meta({ description: "A time of day on the recipient's own clock", example: "22:00" }),
    to: QuietHours.shape.to.meta({ description: "When they end: over midnight where it is the earlier of the two" }),
  })
  .refine(({ from, to }) => from !== to, "ends when it begins");

/** Offsets are time zones to JavaScript, and to no phone: they know nothing of summer time. */
export const WireTimeZone = z
  .string()
  .max(64)
  .refine(
    (zone) => /^[A-Za-z]/.test(zone) && isTimeZone(zone),
    "expected the IANA name of a time zone, as Europe/Berlin",
  );

const WireCap = z.strictObject({
  max_pushes: PushCap.shape.pushes.meta({ description: "No more than so many pushes to one user" }),
  per_hours: PushCap.shape.hours.meta({ description: "within any so many hours in a row" }),
});

export type CategoryChoice = NonNullable<CategoryPolicy["choice"]>;

/** What is chosen for a category, under its names on the wire. */
const CHOICES = { may_opt_out: "on", must_opt_in: "off", none: "always" } as const satisfies Record<
  string,
  CategoryChoice
>;
const WIRE_CHOICES = { on: "may_opt_out", off: "must_opt_in", always: "none" } as const satisfies Record<
  CategoryChoice,
  keyof typeof CHOICES
>;

const { shape: rule } = PushRules;
const IN_QUIET_HOURS = { wait: "wait", skip: "skip", send: "push" } as const;
const ruleShape = {
  in_quiet_hours: z.enum(["wait", "skip", "send"]).meta({
    description: "A push whose time comes in quiet hours waits for their end, is left out, or is sent all the same",
  }),
  skip_if_online: rule.isSkippedOnline.meta({
    description: "Not to who was seen in the app within the last minute: it is on her screen already",
  }),
  skip_if_read: rule.isSkippedRead.meta({ description: "Not to who has read it already, by whatever way" }),
  delay_seconds: rule.delaySeconds.meta({
    description: "How long an open app is given to show it by itself, before it is decided whether to push",
  }),
  only_if_unread_after_minutes: rule.unreadAfterMinutes.meta({
    description:
      "Escalation: it is pushed so many minutes later, and only to who has not read it by then; null: at once",
  }),
  frequency_cap: WireCap.nullable().meta({ description: "Of each such category by itself; null: none" }),
};

const WireRules = z.strictObject(ruleShape);
const UserChoice = z.enum(["may_opt_out", "must_opt_in", "none"]).meta({
  description:
    "`may_opt_out` (as without it): everybody gets its pushes until she opts out; `must_opt_in`: nobody until she opts " +
    "in; `none`: everybody always, for what nobody may miss",
});
const WireCategory = z.strictObject({ user_choice: UserChoice, ...ruleShape }).partial();

/** An app's policy under its names on the wire. */
export const WirePushPolicy = z.strictObject({
  quiet_hours: WireQuietHours.nullable().meta({
    description:
      "When nobody wants to be woken, in each recipient's own time zone; null: never. Urgent ones go through",
  }),
  fallback_time_zone: WireTimeZone.meta({ description: "Of whom no time zone is known: an IANA name" }),
  frequency_cap: WireCap.nullable().meta({ description: "Of pushes of all categories together; null: none" }),
  category_defaults: WireRules.meta({ description: "Holds for every category, as far as it says nothing else itself" }),
  categories: z.record(CategoryName, WireCategory).meta({
    description:
      "What is different for one category, by its name. What names no category is `announcements`, `messages` or " +
      "`notifications`",
  }),
});

const RulesBody = WireRules.partial().extend({
  in_quiet_hours: ruleShape.in_quiet_hours.nullish(),
  skip_if_online: ruleShape.skip_if_online.nullish(),
  skip_if_read: ruleShape.skip_if_read.nullish(),
  delay_seconds: ruleShape.delay_seconds.nullish(),
});

/** The body of `PUT` and `PATCH /apps/:app/push_policy`. */
export const PushPolicyBody = WirePushPolicy.partial().extend({
  fallback_time_zone: WirePushPolicy.shape.fallback_time_zone.nullish(),
  category_defaults: RulesBody.nullish(),
  categories: z.record(CategoryName, RulesBody.extend({ user_choice: UserChoice.nullish() }).nullable()).nullish(),
});

/**
 * A policy with what a body names of it: null is a value of quiet hours, caps and `only_if_unread_after_minutes`, takes a
 * category's own rules away, and elsewhere is as if it were not there.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property`, also for a property that there is not: in a policy a
 * slip of the pen must not pass for a rule
 */
export function changedPushPolicy(policy: PushPolicy, body: unknown): PushPolicy {
  const fields = requireJsonObject(body);
  requireCategoryNames(fields["categories"]);
  const wanted = parseBySchema(PushPolicyBody, fields);
  const categories = new Map(Object.entries(policy.categories));
  for (const [name, rules] of Object.entries(wanted.categories ?? {})) {
    if (rules === null) categories.delete(name);
    else categories.set(name, { ...categories.get(name), ...categoryOf(rules) });
  }
  if (categories.size > MAX_CATEGORIES) throw tooMany();
  return PushPolicy.parse({
    ...policy,
    ...given({ quietHours: wanted.quiet_hours, cap: capOf(wanted.frequency_cap) }),
    ...set({ fallbackTimeZone: wanted.fallback_time_zone }),
    rules: { ...policy.rules, ...rulesOf(wanted.category_defaults ?? {}) },
    categories: Object.fromEntries(categories),
  });
}

/**
 * That all keys of `categories` can be names of categories; what it is otherwise is for its schema to say.
 * @throws LayerError 422 `invalid_property`
 */
export function requireCategoryNames(categories: unknown): void {
  if (!isJsonObject(categories)) return;
  const names = Object.keys(categories);
  if (names.length > MAX_CATEGORIES) throw tooMany();
  const wrong = names.find(
    (name) => !CategoryName.safeParse(name).success || !isStorableKey(name) || isPrototypeKey(name),
  );
  if (wrong !== undefined) {
    throw invalidProperty(`categories.${wrong.toWellFormed()}`, "is no category: its name has 1 to 64 characters");
  }
}

const tooMany = () => invalidProperty("categories", `has more than ${MAX_CATEGORIES} categories`);

/** What is there, null included. */
const given = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
/** What is there and not null. */
const set = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));

const capOf = (cap: z.infer<typeof WireCap> | null | undefined): PushCap | null | undefined =>
  cap && { pushes: cap.max_pushes, hours: cap.per_hours };

const rulesOf = (rules: z.infer<typeof RulesBody>): Record<string, unknown> => ({
  ...set({
    inQuietHours: rules.in_quiet_hours && IN_QUIET_HOURS[rules.in_quiet_hours],
    isSkippedOnline: rules.skip_if_online,
    isSkippedRead: rules.skip_if_read,
    delaySeconds: rules.delay_seconds,
  }),
  ...given({ unreadAfterMinutes: rules.only_if_unread_after_minutes, cap: capOf(rules.frequency_cap) }),
});

const categoryOf = ({
  user_choice: choice,
  ...rules
}: z.infer<typeof RulesBody> & { user_choice?: keyof typeof CHOICES | null | undefined }): Record<string, unknown> => ({
  ...set({ choice: choice && CHOICES[choice] }),
  ...rulesOf(rules),
});

export const pushPolicyView = ({ quietHours, fallbackTimeZone, cap, rules, categories }: PushPolicy) => ({
  quiet_hours: quietHours,
  fallback_time_zone: fallbackTimeZone,
  frequency_cap: capView(cap),
  category_defaults: rulesView(rules),
  categories: Object.fromEntries(Object.entries(categories).map(([name, own]) => [name, categoryView(own)])),
});

const capView = (cap: PushCap | null | undefined) => cap && { max_pushes: cap.pushes, per_hours: cap.hours };

const rulesView = (rules: Omit<CategoryPolicy, "choice">) =>
  given({
    in_quiet_hours: rules.inQuietHours === "push" ? "send" : rules.inQuietHours,
    skip_if_online: rules.isSkippedOnline,
    skip_if_read: rules.isSkippedRead,
    delay_seconds: rules.delaySeconds,
    only_if_unread_after_minutes: rules.unreadAfterMinutes,
    frequency_cap: capView(rules.cap),
  });

const categoryView = ({ choice, ...rules }: CategoryPolicy) => ({
  ...given({ user_choice: choice && WIRE_CHOICES[choice] }),
  ...rulesView(rules),
});
