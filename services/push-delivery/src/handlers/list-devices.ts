import type { ListDevices, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { deviceView } from "../domain/device.ts";
import type { DeviceStore } from "../store/device-store.ts";

/** A user's devices, the one registered last first. */
export const listDevices =
  ({
    devices,
  }: {
    readonly devices: DeviceStore;
  }): Handler<PayloadOf<typeof ListDevices>, ReplyOf<typeof ListDevices>> =>
  async ({ app, payload }) =>
    reply({ devices: (await devices.ofUser(app, payload.userId)).map(deviceView) });
