import type { DeviceRegistered, DeviceRemoved, PayloadOf } from "@strata/contracts";
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
  return withDevice(devices, device);
}

/**
 * Her devices when this registration of one has ended; null when a later one holds, or this is known. An entry without
 * facts stays, so that the registration does not bring them back when it is heard of later, or again.
 */
export function devicesWithout(
  devices: readonly DeviceFacts[],
  { deviceId, registeredAt }: PayloadOf<typeof DeviceRemoved>,
): readonly DeviceFacts[] | null {
  const known = devices.find((device) => device.deviceId === deviceId);
  if (known && (known.registeredAt > registeredAt || isRemoved(known))) return null;
  const nothing = { platform: null, appVersion: null, versionKey: null, locale: null, timeZone: null };
  return withDevice(devices, { deviceId, ...nothing, registeredAt });
}

const isRemoved = ({ platform }: DeviceFacts): boolean => platform === null;

const withDevice = (devices: readonly DeviceFacts[], device: DeviceFacts): readonly DeviceFacts[] =>
  [device, ...devices.filter(({ deviceId }) => deviceId !== device.deviceId)]
    .toSorted((a, b) => b.registeredAt - a.registeredAt)
    .slice(0, MAX_DEVICES);
