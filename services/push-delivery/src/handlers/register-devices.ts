import { type Device, DeviceRegistered, type PayloadOf, type RegisterDevice } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, reply } from "@strata/messaging";
import { deviceRow, deviceView } from "../domain/device.ts";
import { tellRemoved } from "../removed-devices.ts";
import type { DeviceStore } from "../store/device-store.ts";

interface Deps {
  readonly devices: DeviceStore;
  readonly publisher: Pick<Publisher, "emit">;
}

/**
 * Registers the devices of a group. One that was overtaken by a newer registration is answered and published all the
 * same: it did happen, and the time in the event tells consumers which is the later.
 */
export const registerDevices =
  ({ devices, publisher }: Deps) =>
  async (deliveries: readonly Delivery<PayloadOf<typeof RegisterDevice>>[]): Promise<readonly Outcome<Device>[]> => {
    const registered = deliveries.map((delivery) => ({
      delivery,
      row: deviceRow(delivery.app, delivery.id, delivery.payload),
    }));
    await devices.register(
      registered.map(({ row }) => row),
      async (ended) => {
        for (const [app, rows] of Map.groupBy(ended, (row) => row.app)) await tellRemoved(publisher, app, rows);
      },
    );
    return Promise.all(
      registered.map(async ({ delivery, row }) => {
        const { userId, deviceId, platform, registeredAt, locale, timeZone, appVersion } = row;
        await publisher.emit(
          DeviceRegistered,
          delivery.app,
          { userId, deviceId, platform, registeredAt, locale, timeZone, appVersion },
          { id: `${delivery.id}.device-registered`, cause: delivery, subjectVersion: registeredAt },
        );
        return reply(deviceView(row));
      }),
    );
  };
