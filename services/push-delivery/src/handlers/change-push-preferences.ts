import {
  type ChangePushPreferences,
  MAX_CATEGORIES,
  type PayloadOf,
  type PushPreferences,
  type ReplyOf,
} from "@strata/contracts";
import { isTimeZone } from "@strata/local-time";
import { type Handler, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { PreferenceStore } from "../store/preference-store.ts";

type Changes = PayloadOf<typeof ChangePushPreferences>["changes"];

/** Changes what a user wants; a command that comes late or again changes nothing. Answers what holds then. */
export const changePushPreferences =
  ({
    preferences,
  }: {
    readonly preferences: Pick<PreferenceStore, "change">;
  }): Handler<PayloadOf<typeof ChangePushPreferences>, ReplyOf<typeof ChangePushPreferences>> =>
  async ({ app, id: by, payload: { userId, changes, at } }) => {
    const { timeZone } = changes;
    if (typeof timeZone === "string" && !isTimeZone(timeZone)) {
      return refuse(refusal("time_zone", `is no IANA time zone: ${timeZone}`));
    }
    const changed = await preferences.change(app, userId, { at, by }, (before) => changedBy(before, changes));
    return changed instanceof DomainError ? refuse(changed) : reply(changed);
  };

function changedBy(before: PushPreferences, { categories: said = {}, ...changes }: Changes) {
  const wanted = new Map<string, boolean | null>([...Object.entries(before.categories), ...Object.entries(said)]);
  const categories = [...wanted].filter((one): one is [string, boolean] => one[1] !== null);
  if (categories.length > MAX_CATEGORIES) {
    return refusal("categories", `would be more than the ${MAX_CATEGORIES} that a user may say something about`);
  }
  const { quietHours = before.quietHours, timeZone = before.timeZone, mutedUntil = before.mutedUntil } = changes;
  return { categories: Object.fromEntries(categories), quietHours, timeZone, mutedUntil };
}

const refusal = (property: string, reason: string): DomainError =>
  new DomainError("invalid_property", { property }, { message: `${property} ${reason}` });
