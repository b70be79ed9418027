import { compareUserIds, partitionOf, type RecipientState } from "@strata/contracts";

/** When one user's receipts of one announcement came; null where there is none. */
export interface ReceiptTimes {
  readonly deliveredAt: number | null;
  readonly readAt: number | null;
  readonly openedAt: number | null;
  readonly deletedAt: number | null;
}

/**
 * A receipt only adds to what is known: whoever has read it, or opened its push, has it, also when the `delivered` is
 * missing or came later.
 */
export function recipientState(userId: string, times: ReceiptTimes): RecipientState {
  const { deliveredAt, readAt, openedAt, deletedAt } = times;
  const isDelivered = deliveredAt !== null || openedAt !== null;
  const status = readAt !== null ? "read" : isDelivered ? "delivered" : "sent";
  return { userId, status, deliveredAt, readAt, openedAt, deletedAt };
}

/** The order in which recipients are listed, everywhere: partition, then user id. */
export const compareRecipients = (a: string, b: string): number =>
  partitionOf(a) - partitionOf(b) || compareUserIds(a, b);
