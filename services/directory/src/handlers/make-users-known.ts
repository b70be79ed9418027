import type { EmptyReply, MakeUsersKnown, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher } from "@strata/messaging";
import type { IdentityStore } from "../store/identity-store.ts";
import { makeKnown } from "./make-known.ts";

/** Makes known whoever is not yet; who was deleted after she was named stays away. Bears being repeated. */
export const makeUsersKnown =
  (deps: { readonly identities: IdentityStore; readonly publisher: Publisher }) =>
  async (delivery: Delivery<PayloadOf<typeof MakeUsersKnown>>): Promise<Outcome<EmptyReply>> => {
    await makeKnown(deps, delivery, delivery.payload.userIds, delivery.payload.at);
    return ack;
  };
