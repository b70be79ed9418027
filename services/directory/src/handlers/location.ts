import type { EmptyReply, GetLocation, PayloadOf, RemoveLocation, ReplyOf, SetLocation } from "@strata/contracts";
import { ack, type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { UserFactsStore } from "../store/user-facts-store.ts";

interface Deps {
  readonly userFacts: UserFactsStore;
}

/** Says where a user is, unless somebody said something later. */
export const setLocation =
  ({ userFacts }: Deps) =>
  async ({
    app,
    payload: { userId, location },
    sentAt,
  }: Delivery<PayloadOf<typeof SetLocation>>): Promise<Outcome<ReplyOf<typeof SetLocation>>> => {
    const stored = await userFacts.locate(app, userId, location, sentAt);
    return stored ? reply({ location: stored }) : refuse(new DomainError("not_found"));
  };

/** Forgets where a user is. */
export const removeLocation =
  ({ userFacts }: Deps) =>
  async ({ app, payload, sentAt }: Delivery<PayloadOf<typeof RemoveLocation>>): Promise<Outcome<EmptyReply>> =>
    (await userFacts.forgetLocation(app, payload.userId, sentAt)) ? ack : refuse(new DomainError("not_found"));

/** Where a user was last known to be. */
export const getLocation =
  ({ userFacts }: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetLocation>>): Promise<Outcome<ReplyOf<typeof GetLocation>>> =>
    reply({ location: await userFacts.findLocation(app, payload.userId) });
