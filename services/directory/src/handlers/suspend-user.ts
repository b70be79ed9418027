import { type EmptyReply, type PayloadOf, type SuspendUser, UserSuspended } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type Reason, withoutReason, withReason } from "../domain/reasons.ts";
import { suspensionOf } from "../domain/user.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import { changeUser } from "./changing-user.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly publisher: Publisher;
}

/** Suspends a user, which ends her sessions for good, or lets her begin new ones, whoever suspended her. */
export const suspendUser =
  (deps: Deps) =>
  (delivery: Delivery<PayloadOf<typeof SuspendUser>>): Promise<Outcome<EmptyReply>> =>
    suspend(deps, delivery, null);

/** The same for one reason: to lift it lifts no suspension that there are other reasons for. Told is only what it changes for her. */
export async function suspend(
  { identities, publisher }: Deps,
  delivery: Delivery<PayloadOf<typeof SuspendUser>>,
  reason: Reason,
): Promise<Outcome<EmptyReply>> {
  const { userId, isSuspended, at } = delivery.payload;
  const changed = await changeUser(identities, delivery, (user) => {
    const before = suspensionOf(user);
    const after = isSuspended ? withReason(before, reason) : withoutReason(before, reason);
    if (after.length === before.length) return null;
    const sessionsEndedAt = isSuspended ? Math.max(at, user.sessionsEndedAt) : user.sessionsEndedAt;
    return { set: { isSuspended: after.length > 0, suspendedBy: [...after], sessionsEndedAt } };
  });
  if (changed instanceof DomainError) return refuse(changed);
  if (!changed.isChanged || suspensionOf(changed.user).length !== (isSuspended ? 1 : 0)) return ack;
  const { version } = changed.user;
  await publisher.emit(
    UserSuspended,
    delivery.app,
    { userId, isSuspended, version, at },
    { id: `${delivery.id}.user-suspended`, cause: delivery, subjectVersion: version },
  );
  return ack;
}
