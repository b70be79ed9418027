import { type DeleteIdentity, type EmptyReply, IdentityDeleted, type PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { identityFieldNames, identityOf } from "../domain/user.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import { changeUser } from "./changing-user.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly publisher: Publisher;
}

/** Takes a user's identity away. She stays known, and a creation from before this gives it back no more. */
export const deleteIdentity =
  ({ identities, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof DeleteIdentity>>): Promise<Outcome<EmptyReply>> => {
    const changed = await changeUser(identities, delivery, (user) =>
      identityOf(user)
        ? { set: { identityDeletedAt: delivery.sentAt.getTime() }, unset: identityFieldNames }
        : new DomainError("not_found"),
    );
    if (changed instanceof DomainError) return refuse(changed);
    const { userId } = delivery.payload;
    const { version } = changed.user;
    await publisher.emit(
      IdentityDeleted,
      delivery.app,
      { userId, version },
      { id: `${delivery.id}.identity-deleted`, cause: delivery, subjectVersion: version },
    );
    return ack;
  };
