import { AnnouncementReceiptKind, type RecipientState } from "@strata/contracts";
import { receiptKey } from "./domain/receipt-key.ts";
import { recipientState } from "./domain/recipient-state.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";

const KINDS = AnnouncementReceiptKind.options;

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
    keyOf: (kind: AnnouncementReceiptKind) => receiptKey(app, announcementId, kind, userId),
  }));
  const stored = await receipts.find(keys.flatMap(({ keyOf }) => KINDS.map(keyOf)));
  return keys.map(({ userId, keyOf }) => {
    const at = (kind: AnnouncementReceiptKind): number | null => stored.get(keyOf(kind))?.at ?? null;
    return recipientState(userId, {
      deliveredAt: at("delivered"),
      readAt: at("read"),
      openedAt: at("opened"),
      deletedAt: at("deleted"),
    });
  });
}
