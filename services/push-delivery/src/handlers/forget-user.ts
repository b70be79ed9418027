import type { PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, type Handler } from "@strata/messaging";
import type { DeviceStore } from "../store/device-store.ts";
import type { PreferenceStore } from "../store/preference-store.ts";

interface Deps {
  readonly devices: Pick<DeviceStore, "forget">;
  readonly preferences: Pick<PreferenceStore, "forget">;
}

/**
 * Removes the devices and the preferences of a user who asked to be forgotten, and remembers that she did. Pushes to her that wait are
 * dropped when they are due: to look for them would read every waiting chunk.
 */
export const forgetUser =
  ({ devices, preferences }: Deps): Handler<PayloadOf<typeof UserDeleted>, never> =>
  async ({ app, payload: { userId, at } }) => {
    await Promise.all([devices.forget(app, userId, at), preferences.forget(app, userId, at)]);
    return ack;
  };
