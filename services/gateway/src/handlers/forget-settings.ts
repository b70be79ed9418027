import type { AppSettingsChanged, PayloadOf } from "@strata/contracts";
import type { SettingsCache } from "@strata/doors";
import { ack, type Delivery, type Outcome } from "@strata/messaging";

/** What is set for an app is asked for again at its next use. */
export const forgetSettings =
  ({ settings }: { readonly settings: SettingsCache }) =>
  async ({ payload }: Delivery<PayloadOf<typeof AppSettingsChanged>>): Promise<Outcome<never>> => {
    settings.forget(payload.appId);
    return ack;
  };
