import type { RecipientState } from "@strata/contracts";
import { receiptKey } from "./domain/receipt-key.ts";
import { recipientState } from "./domain/recipient-state.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";

/** One user as a recipient of one announcement. */
export interface Recipient {
  readonly announcementId: string;
  readonly userId: string;
}

/** What the receipts say of these, one answer per recipient in the same order, found by exact keys in one query. */
export async function recipientStates(
  receipts: ReceiptStore,
  app: string,
  recipients: readonly Recipient[],
): Promise<readonly RecipientState[]> {
  const keys = recipients.map(({ announcementId, userId }) => ({
    userId,
    delivered: receiptKey(app, announcementId, "delivered", userId),
    read: receiptKey(app, announcementId, "read", userId),
  }));
  const stored = await receipts.find(keys.flatMap(({ delivered, read }) => [delivered, read]));
  return keys.map(({ userId, delivered, read }) =>
    recipientState(userId, { deliveredAt: stored.get(delivered)?.at ?? null, readAt: stored.get(read)?.at ?? null }),
  );
}
