import {
  CategoryName,
  type ChangePushPreferences,
  type PayloadOf,
  type PushPolicy,
  type PushPreferences,
} from "@strata/contracts";
import { formatOptionalTime, invalidProperty, parseBySchema, requireJsonObject } from "@strata/layer-protocol";
import { z } from "zod";
import { type CategoryChoice, requireCategoryNames, WireQuietHours, WireTimeZone } from "./push-policy.ts";

/** What a user wants, under its names on the wire. */
export const WirePushPreferences = z.strictObject({
  categories: z
    .record(CategoryName, z.boolean())
    .meta({ description: "Categories that she opted out of (false) or into (true)" }),
  quiet_hours: WireQuietHours.nullable().meta({ description: "Hers in place of the app's; null: the app's" }),
  time_zone: WireTimeZone.nullable().meta({
    description: "IANA name of the zone that her quiet hours are in; null: as her newest device has it",
  }),
  muted_until: z.iso
    .datetime({ offset: true })
    .nullable()
    .meta({ description: "Until then only what is urgent is pushed to her; null: not muted" }),
});

/** The body of `PATCH /apps/:app/users/:user/push_preferences`. */
export const PushPreferencesBody = WirePushPreferences.partial().extend({
  categories: z
    .record(CategoryName, z.boolean().nullable())
    .nullish()
    .meta({ description: "false: she opts out; true: she opts in; null: as if she had never said" }),
});

type PreferenceChanges = PayloadOf<typeof ChangePushPreferences>["changes"];

/**
 * What a body changes of a user's preferences; what it does not name stays as it is.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property`, also for opting out of what nobody may miss
 */
export function parsePreferenceChanges(body: unknown, policy: Pick<PushPolicy, "categories">): PreferenceChanges {
  const fields = requireJsonObject(body);
  requireCategoryNames(fields["categories"]);
  const wanted = parseBySchema(PushPreferencesBody, fields);
  const fixed = Object.entries(wanted.categories ?? {}).find(
    ([name, said]) => said === false && choiceOf(policy, name) === "always",
  );
  if (fixed)
    throw invalidProperty(`categories.${fixed[0]}`, "cannot be opted out of: the app's policy gives no choice");
  const { muted_until: mutedUntil } = wanted;
  return {
    ...(wanted.categories ? { categories: wanted.categories } : {}),
    ...(wanted.quiet_hours === undefined ? {} : { quietHours: wanted.quiet_hours }),
    ...(wanted.time_zone === undefined ? {} : { timeZone: wanted.time_zone }),
    ...(mutedUntil === undefined
      ? {}
      : { mutedUntil: mutedUntil === null ? null : Math.max(0, Date.parse(mutedUntil)) }),
  };
}

const choiceOf = ({ categories }: Pick<PushPolicy, "categories">, name: string): CategoryChoice =>
  (Object.hasOwn(categories, name) ? categories[name]?.choice : undefined) ?? "on";

/** The categories of what names none: there are always pushes of these. */
const UNNAMED = ["announcements", "messages", "notifications"] as const;

/** What she said, and what comes of it under the app's policy as it is now. */
export function pushPreferencesView(preferences: PushPreferences, policy: PushPolicy) {
  const { categories, quietHours, timeZone, mutedUntil } = preferences;
  const names = new Set([...UNNAMED, ...Object.keys(policy.categories), ...Object.keys(categories)]);
  const said = new Map(Object.entries(categories));
  return {
    categories,
    quiet_hours: quietHours,
    time_zone: timeZone,
    muted_until: formatOptionalTime(mutedUntil),
    effective: {
      categories: Object.fromEntries(
        [...names].toSorted().map((name) => [name, isWanted(choiceOf(policy, name), said.get(name))]),
      ),
      quiet_hours: quietHours ?? policy.quietHours,
    },
  };
}

/** Whether pushes of a category go to a user who said this of it, or nothing. */
const isWanted = (choice: CategoryChoice, said: boolean | undefined): boolean =>
  choice === "always" || (said ?? choice === "on");
