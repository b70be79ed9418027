import { type EmptyReply, type PayloadOf, type RecordVisit, UserVisited } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { UserFactsStore } from "../store/user-facts-store.ts";

interface Deps {
  readonly userFacts: UserFactsStore;
  readonly publisher: Pick<Publisher, "emit">;
}

/** A user was there. An earlier visit that is told later changes nothing here; others are told of every one. */
export const recordVisit =
  ({ userFacts, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof RecordVisit>>): Promise<Outcome<EmptyReply>> => {
    const { app, payload, sentAt } = delivery;
    if (!(await userFacts.visit(app, payload.userId, payload.at, sentAt))) return refuse(new DomainError("not_found"));
    await publisher.emit(UserVisited, app, payload, { cause: delivery });
    return ack;
  };
