import { type ListDeleted, MAX_DELETED, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { ReceiptStore } from "../store/receipt-store.ts";

/** What a user has deleted for herself. */
export const listDeleted =
  ({
    receipts,
  }: {
    readonly receipts: ReceiptStore;
  }): Handler<PayloadOf<typeof ListDeleted>, ReplyOf<typeof ListDeleted>> =>
  async ({ app, payload: { userId } }) =>
    reply({ announcementIds: [...(await receipts.deletedBy(app, userId, MAX_DELETED))] });
