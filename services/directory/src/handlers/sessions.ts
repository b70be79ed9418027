import {
  type AuthenticateSession,
  closedState,
  type EmptyReply,
  type EndSession,
  type PayloadOf,
  type ReplyOf,
  SessionEnded,
} from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, reply } from "@strata/messaging";
import { validSession } from "../domain/session.ts";
import type { AppStore } from "../store/app-store.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import type { SessionStore } from "../store/session-store.ts";

interface AuthenticationDeps {
  readonly apps: Pick<AppStore, "find">;
  readonly sessions: SessionStore;
  readonly identities: IdentityStore;
}

/** Unknown, ended and expired are one answer: they tell a guesser nothing. */
export const authenticateSession =
  ({ apps, sessions, identities }: AuthenticationDeps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof AuthenticateSession>>): Promise<Outcome<ReplyOf<typeof AuthenticateSession>>> => {
    const row = await sessions.find(app, payload.hash);
    if (row === null) return reply({ session: null });
    const state = closedState((await apps.find(app)) ?? {});
    if (state !== null) return reply({ session: null, closed: state });
    return reply({ session: validSession(row, await identities.find(app, row.userId), Date.now()) });
  };

/** Ends one session and tells every gateway, each time it is asked: who hears it twice has nothing left to drop. */
export const endSession =
  ({ sessions, publisher }: { readonly sessions: SessionStore; readonly publisher: Publisher }) =>
  async (delivery: Delivery<PayloadOf<typeof EndSession>>): Promise<Outcome<EmptyReply>> => {
    const { hash, at } = delivery.payload;
    const ended = await sessions.end(delivery.app, hash, at);
    if (ended === null) return ack;
    await publisher.emit(
      SessionEnded,
      delivery.app,
      { userId: ended.userId, hash, at: ended.endedAt ?? at },
      { id: `${delivery.id}.session-ended`, cause: delivery },
    );
    return ack;
  };
