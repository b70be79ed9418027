import type { PayloadOf, TokenRevoked } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import type { GrantCache } from "../http/grant-cache.ts";

/** A revoked token is asked about again at its next use, and grants nothing from then on. */
export const forgetToken =
  ({ grants }: { readonly grants: GrantCache }) =>
  async ({ payload }: Delivery<PayloadOf<typeof TokenRevoked>>): Promise<Outcome<never>> => {
    grants.forget(payload.hash);
    return ack;
  };
