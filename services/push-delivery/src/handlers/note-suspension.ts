import type { PayloadOf, UserSuspended } from "@strata/contracts";
import { ack, type Handler } from "@strata/messaging";
import type { PreferenceStore } from "../store/preference-store.ts";

/** Remembers who is suspended: nothing is pushed to her, until that is lifted. */
export const noteSuspension =
  ({
    preferences,
  }: {
    readonly preferences: Pick<PreferenceStore, "suspend">;
  }): Handler<PayloadOf<typeof UserSuspended>, never> =>
  async ({ app, payload: { userId, isSuspended, version, at } }) => {
    await preferences.suspend(app, userId, { isSuspended, version, at });
    return ack;
  };
