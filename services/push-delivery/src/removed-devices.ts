import { createHash } from "node:crypto";
import { DeviceRemoved } from "@strata/contracts";
import type { Publisher } from "@strata/messaging";
import { deviceKey, type EndedRegistration } from "./domain/device.ts";

/** Says of registrations that they have ended; resolves once all of it is confirmed. The same one has the same event. */
export async function tellRemoved(
  publisher: Pick<Publisher, "emit">,
  app: string,
  registrations: readonly EndedRegistration[],
): Promise<void> {
  await Promise.all(
    registrations.map(({ userId, deviceId, registeredAt }) => {
      const id = idOf(deviceKey(app, userId, deviceId), registeredAt);
      const options = { id, subjectVersion: registeredAt };
      return publisher.emit(DeviceRemoved, app, { userId, deviceId, registeredAt }, options);
    }),
  );
}

/** A digest: a device's key may be longer than the 255 bytes that an id of a message can have. */
const idOf = (key: string, registeredAt: number): string =>
  `${createHash("sha256").update(`${key}/${registeredAt}`).digest("hex")}.device-removed`;
