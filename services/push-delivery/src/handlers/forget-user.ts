import type { PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, type Handler } from "@strata/messaging";
import type { DeviceStore } from "../store/device-store.ts";

/**
 * Removes the devices of a user who asked to be forgotten, and remembers that she did. Pushes to her that wait are
 * dropped when they are due: to look for them would read every waiting chunk.
 */
export const forgetUser =
  ({ devices }: { readonly devices: Pick<DeviceStore, "forget"> }): Handler<PayloadOf<typeof UserDeleted>, never> =>
  async ({ app, payload: { userId, at } }) => {
    await devices.forget(app, userId, at);
    return ack;
  };
