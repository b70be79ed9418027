import type { DeviceRegistered, PayloadOf } from "@strata/contracts";
import { versionKey } from "./app-version.ts";
import type { DeviceFacts } from "./user.ts";

/** Far above what one person carries; the oldest give way. */
const MAX_DEVICES = 20;

/** Her devices with this one among them; null when a later registration of it is there already, or this very one. */
export function devicesWith(
  devices: readonly DeviceFacts[],
  registered: PayloadOf<typeof DeviceRegistered>,
): readonly DeviceFacts[] | null {
  const { deviceId, platform, registeredAt, locale = null, timeZone = null, appVersion = null } = registered;
  if (devices.some((device) => device.deviceId === deviceId && device.registeredAt >= registeredAt)) return null;
  const device: DeviceFacts = {
    deviceId,
    platform,
    appVersion,
    versionKey: appVersion === null ? null : versionKey(appVersion),
    locale,
    timeZone,
    registeredAt,
  };
  return [device, ...devices.filter((other) => other.deviceId !== deviceId)]
    .toSorted((a, b) => b.registeredAt - a.registeredAt)
    .slice(0, MAX_DEVICES);
}
