import { type CreateSession, IdentityUpdated, type PayloadOf, type Session } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { identityOfClaims } from "../domain/session.ts";
import { identityOf, type UserRow } from "../domain/user.ts";
import type { AppStore } from "../store/app-store.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import type { SessionStore } from "../store/session-store.ts";
import type { UserCountStore } from "../store/user-count-store.ts";
import { createIdentities } from "./create-identities.ts";
import { makeKnown } from "./make-known.ts";

interface Deps {
  readonly apps: AppStore;
  readonly identities: IdentityStore;
  readonly counts: Pick<UserCountStore, "markDirty">;
  readonly sessions: SessionStore;
  readonly publisher: Publisher;
}

type Login = Delivery<PayloadOf<typeof CreateSession>>;

/**
 * Begins a session. What changes a user comes in order, so nothing ends her sessions in between; the nonce belongs to the
 * first command that names it, and to that one also when it comes again.
 */
export const createSession =
  (deps: Deps) =>
  async (delivery: Login): Promise<Outcome<Session>> => {
    const { app, id, payload, sentAt } = delivery;
    const { userId, hash, nonce, nonceExpiresAt } = payload;
    const settings = await deps.apps.findSettings(app);
    if (!settings) return refuse(new DomainError("not_found", { property: "app_id" }));
    if (payload.environment !== undefined && payload.environment !== settings.environment) {
      return refuse(new DomainError("invalid_property", { property: "app_id" }));
    }
    if (settings.closed !== null) return refuse(new DomainError("app_suspended"));
    const before = await deps.identities.find(app, userId);
    if (before?.isSuspended) return refuse(new DomainError("user_suspended"));
    // Sent before she was deleted, handled after it: nothing from before makes her known.
    if (before && sentAt.getTime() <= before.forgottenAt) return refuse(new DomainError("service_unavailable"));
    if (!(await deps.sessions.useNonce(app, nonce, { by: id, expiresAt: nonceExpiresAt }))) {
      return refuse(new DomainError("conflict", { property: "nonce" }));
    }

    const user = await introduced(deps, delivery, before);
    // Clocks differ: whatever ended her sessions came before this, and is not to end it.
    const beganAt = Math.max(Date.now(), user.sessionsEndedAt + 1);
    const expiresAt = new Date(beganAt + settings.settings.sessionTtlSeconds * 1_000);
    const stored = await deps.sessions.insertOrFind({ app, userId, hash, beganAt, expiresAt, by: id });
    if (stored.by !== id) return refuse(new DomainError("conflict", { property: "hash" }));
    return reply({ userId, expiresAt: stored.expiresAt.getTime() });
  };

/** The user as she is once she has logged in: known, and at her first session with what her token says of her. */
async function introduced(deps: Deps, delivery: Login, before: UserRow | null): Promise<UserRow> {
  const { app, id, payload } = delivery;
  const { userId, claims, at } = payload;
  if (before?.userId !== undefined && before.firstSessionAt !== undefined && before.changedBy !== id) return before;

  const fields = identityOfClaims(claims);
  const hasIdentity = before !== null && identityOf(before) !== null && before.by !== id;
  if (fields !== null && !hasIdentity) {
    // Refused where her identity was deleted meanwhile, by a clock that is ahead: she logs in without one.
    await createIdentities(deps)([{ ...delivery, payload: { userId, fields } }]);
  } else {
    await makeKnown(deps, delivery, [userId], at);
  }
  const known = await deps.identities.find(app, userId);
  if (known?.userId === undefined) throw new Error("the user is not known after she was made known");
  const changes = hasIdentity ? claims : {};
  const user =
    known.changedBy === id
      ? known
      : await deps.identities.change(known, { set: { ...changes, firstSessionAt: at } }, id);
  if (Object.keys(changes).length > 0) {
    const { version } = user;
    const event = { id: `${id}.identity-updated`, cause: delivery, subjectVersion: version };
    await deps.publisher.emit(IdentityUpdated, app, { userId, version }, event);
  }
  return user;
}
