import type { FindAnnouncementReaders, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { receiptKey } from "../domain/receipt-key.ts";
import type { ReceiptStore } from "../store/receipt-store.ts";

type Query = PayloadOf<typeof FindAnnouncementReaders>;
type Reply = ReplyOf<typeof FindAnnouncementReaders>;

/** Who of these has read an announcement, in the order asked: by exact keys, in one query. */
export const findAnnouncementReaders =
  ({ receipts }: { readonly receipts: Pick<ReceiptStore, "find"> }) =>
  async ({ app, payload: { announcementId, userIds } }: Delivery<Query>): Promise<Outcome<Reply>> => {
    const keyOf = (userId: string): string => receiptKey(app, announcementId, "read", userId);
    const read = await receipts.find(userIds.map(keyOf));
    return reply({ userIds: userIds.filter((userId) => read.has(keyOf(userId))) });
  };
