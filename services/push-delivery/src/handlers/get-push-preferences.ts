import { type GetPushPreferences, NO_PREFERENCES, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { PreferenceStore } from "../store/preference-store.ts";

/** What a user wants; nothing in particular, of who never said anything. */
export const getPushPreferences =
  ({
    preferences,
  }: {
    readonly preferences: Pick<PreferenceStore, "find">;
  }): Handler<PayloadOf<typeof GetPushPreferences>, ReplyOf<typeof GetPushPreferences>> =>
  async ({ app, payload: { userId } }) => {
    const wishes = (await preferences.find(app, [userId])).get(userId);
    return reply({ preferences: wishes?.preferences ?? NO_PREFERENCES });
  };
