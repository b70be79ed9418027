import type { EmptyReply, PayloadOf, RecordVisit } from "@strata/contracts";
import { ack, type Delivery, type Outcome, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { UserFactsStore } from "../store/user-facts-store.ts";

/** A user was there. An earlier visit that is told later changes nothing. */
export const recordVisit =
  ({ userFacts }: { readonly userFacts: UserFactsStore }) =>
  async ({ app, payload, sentAt }: Delivery<PayloadOf<typeof RecordVisit>>): Promise<Outcome<EmptyReply>> =>
    (await userFacts.visit(app, payload.userId, payload.at, sentAt)) ? ack : refuse(new DomainError("not_found"));
