import type { EmptyReply, PayloadOf, RemoveDevice } from "@strata/contracts";
import { ack, type Handler, type Publisher } from "@strata/messaging";
import { tellRemoved } from "../removed-devices.ts";
import type { DeviceStore } from "../store/device-store.ts";

interface Deps {
  readonly devices: Pick<DeviceStore, "remove">;
  readonly publisher: Pick<Publisher, "emit">;
}

/**
 * Removes a device that its user has logged out of. Pushes to it that wait are dropped when they are due: to look for
 * them would read every waiting chunk.
 */
export const removeDevice =
  ({ devices, publisher }: Deps): Handler<PayloadOf<typeof RemoveDevice>, EmptyReply> =>
  async ({ app, id, payload: { userId, deviceId, at } }) => {
    await devices.remove({ app, userId, deviceId, at, by: id }, (ended) => tellRemoved(publisher, app, [ended]));
    return ack;
  };
