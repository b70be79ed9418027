import { type EmptyReply, type EndSessions, type PayloadOf, SessionsEnded } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { IdentityStore } from "../store/identity-store.ts";
import { changeUser } from "./changing-user.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly publisher: Publisher;
}

/** Ends what sessions a user has begun so far. Told each time it is asked: who hears it twice has none left to end. */
export const endSessions =
  ({ identities, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof EndSessions>>): Promise<Outcome<EmptyReply>> => {
    const { userId, at } = delivery.payload;
    const changed = await changeUser(identities, delivery, ({ sessionsEndedAt }) =>
      at > sessionsEndedAt ? { set: { sessionsEndedAt: at } } : null,
    );
    if (changed instanceof DomainError) return refuse(changed);
    await publisher.emit(
      SessionsEnded,
      delivery.app,
      { userId, at },
      { id: `${delivery.id}.sessions-ended`, cause: delivery, subjectVersion: changed.user.version },
    );
    return ack;
  };
