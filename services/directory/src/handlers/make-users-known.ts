import type { EmptyReply, MakeUsersKnown, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import type { IdentityStore } from "../store/identity-store.ts";

/** Makes known whoever is not yet; who was deleted after she was named stays away. Bears being repeated. */
export const makeUsersKnown =
  ({ identities }: { readonly identities: IdentityStore }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof MakeUsersKnown>>): Promise<Outcome<EmptyReply>> => {
    await identities.makeKnown(app, payload.userIds, payload.at);
    return ack;
  };
