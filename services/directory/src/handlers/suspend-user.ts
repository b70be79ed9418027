import { type EmptyReply, type PayloadOf, type SuspendUser, UserSuspended } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { IdentityStore } from "../store/identity-store.ts";
import { changeUser } from "./changing-user.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly publisher: Publisher;
}

/** Suspends a user, which ends her sessions for good, or lets her begin new ones. */
export const suspendUser =
  ({ identities, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof SuspendUser>>): Promise<Outcome<EmptyReply>> => {
    const { userId, isSuspended, at } = delivery.payload;
    const changed = await changeUser(identities, delivery, (user) => {
      if (user.isSuspended === isSuspended) return null;
      const sessionsEndedAt = isSuspended ? Math.max(at, user.sessionsEndedAt) : user.sessionsEndedAt;
      return { set: { isSuspended, sessionsEndedAt } };
    });
    if (changed instanceof DomainError) return refuse(changed);
    if (!changed.isChanged) return ack;
    const { version } = changed.user;
    await publisher.emit(
      UserSuspended,
      delivery.app,
      { userId, isSuspended, version, at },
      { id: `${delivery.id}.user-suspended`, cause: delivery, subjectVersion: version },
    );
    return ack;
  };
