import type { FindUnknownUsers, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { IdentityStore } from "../store/identity-store.ts";

/** Which of these users have no identity. The fan-out asks it once for every batch, so each step of it counts. */
export const findUnknownUsers =
  ({ identities }: { readonly identities: IdentityStore }) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof FindUnknownUsers>>): Promise<Outcome<ReplyOf<typeof FindUnknownUsers>>> => {
    const { userIds, withKnownSince = false } = payload;
    if (!withKnownSince) return reply({ unknown: [...(await identities.findUnknown(app, userIds))] });
    const knownSince = await identities.findKnownSince(app, userIds);
    return reply({ unknown: userIds.filter((_, index) => knownSince[index] === null), knownSince: [...knownSince] });
  };
