import type { FindPushFacts, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { UserFactsStore } from "../store/user-facts-store.ts";

/** Where these users' clocks are, and when they were there last; who is not known is left out. */
export const findPushFacts =
  ({ userFacts }: { readonly userFacts: Pick<UserFactsStore, "findPushFacts"> }) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof FindPushFacts>>): Promise<Outcome<ReplyOf<typeof FindPushFacts>>> =>
    reply({ facts: [...(await userFacts.findPushFacts(app, payload.userIds))] });
