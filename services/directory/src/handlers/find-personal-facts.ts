import type { FindPersonalFacts, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { UserFactsStore } from "../store/user-facts-store.ts";

/** What an announcement is made personal by, of these users; who is not known is left out. */
export const findPersonalFacts =
  ({ userFacts }: { readonly userFacts: UserFactsStore }) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof FindPersonalFacts>>): Promise<Outcome<ReplyOf<typeof FindPersonalFacts>>> =>
    reply({ facts: [...(await userFacts.findPersonalFacts(app, payload.userIds))] });
