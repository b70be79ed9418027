import type { DeviceRegistered, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { devicesWith } from "../domain/devices.ts";
import type { UserFactsStore } from "../store/user-facts-store.ts";

/** Remembers what a user's device is, for filters, languages and clocks. Whoever is not known any more has none. */
export const noteDevice =
  ({ userFacts }: { readonly userFacts: UserFactsStore }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof DeviceRegistered>>): Promise<Outcome<never>> => {
    await userFacts.changeDevices(app, payload.userId, payload.registeredAt, (devices) =>
      devicesWith(devices, payload),
    );
    return ack;
  };
