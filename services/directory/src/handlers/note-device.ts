import type { DeviceRegistered, DeviceRemoved, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { devicesWith, devicesWithout } from "../domain/devices.ts";
import type { UserFactsStore } from "../store/user-facts-store.ts";

/** Remembers what a user's device is, for filters, languages and clocks. Whoever is not known any more has none. */
export const noteDevice =
  ({ userFacts }: { readonly userFacts: UserFactsStore }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof DeviceRegistered>>): Promise<Outcome<never>> => {
    await userFacts.changeDevices(app, payload.userId, { at: payload.registeredAt, isSeen: true }, (devices) =>
      devicesWith(devices, payload),
    );
    return ack;
  };

/** Forgets what is known of a device that is hers no more. */
export const forgetDevice =
  ({ userFacts }: { readonly userFacts: UserFactsStore }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof DeviceRemoved>>): Promise<Outcome<never>> => {
    await userFacts.changeDevices(app, payload.userId, { at: payload.registeredAt, isSeen: false }, (devices) =>
      devicesWithout(devices, payload),
    );
    return ack;
  };
