import type { GetDevice, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { deviceView } from "../domain/device.ts";
import type { DeviceStore } from "../store/device-store.ts";

/** One device of a user, as it is registered now. */
export const getDevice =
  ({
    devices,
  }: {
    readonly devices: Pick<DeviceStore, "one">;
  }): Handler<PayloadOf<typeof GetDevice>, ReplyOf<typeof GetDevice>> =>
  async ({ app, payload: { userId, deviceId } }) => {
    const { device, wasThere } = await devices.one(app, userId, deviceId);
    return reply({ device: device && deviceView(device), wasThere });
  };
