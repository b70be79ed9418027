import type { GetUser, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { userOf } from "../domain/user.ts";
import type { IdentityStore } from "../store/identity-store.ts";

/** A user who is known, with or without an identity. */
export const getUser =
  ({ identities }: { readonly identities: IdentityStore }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetUser>>): Promise<Outcome<ReplyOf<typeof GetUser>>> => {
    const row = await identities.find(app, payload.userId);
    return reply({ user: row && userOf(row) });
  };
