import type { GetReceiptCounts, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { countRange } from "../domain/receipt-key.ts";
import type { CountStore } from "../store/count-store.ts";

type Query = PayloadOf<typeof GetReceiptCounts>;
type Reply = ReplyOf<typeof GetReceiptCounts>;

/** Counts as last counted: at most an interval behind the receipts, equal to them once they stop. */
export const getReceiptCounts =
  ({ counts }: { readonly counts: CountStore }) =>
  async ({ app, payload }: Delivery<Query>): Promise<Outcome<Reply>> =>
    reply(await counts.total(countRange(app, payload.announcementId)));
