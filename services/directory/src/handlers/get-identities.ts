import type { GetIdentities, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { IdentityStore } from "../store/identity-store.ts";

/** The identities of these users; who has none is left out. */
export const getIdentities =
  ({ identities }: { readonly identities: IdentityStore }) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof GetIdentities>>): Promise<Outcome<ReplyOf<typeof GetIdentities>>> =>
    reply({ identities: [...(await identities.findMany(app, payload.userIds))] });
