import { compareUserIds, partitionOf, type RecipientState } from "@strata/contracts";

/** When one user's receipts of one announcement came; null where there is none. */
export interface ReceiptTimes {
  readonly deliveredAt: number | null;
  readonly readAt: number | null;
}

/** A receipt only adds to what is known: whoever has read it has it, also when the `delivered` is missing or came later. */
export function recipientState(userId: string, { deliveredAt, readAt }: ReceiptTimes): RecipientState {
  const status = readAt !== null ? "read" : deliveredAt !== null ? "delivered" : "sent";
  return { userId, status, deliveredAt, readAt };
}

/** The order in which recipients are listed, everywhere: partition, then user id. */
export const compareRecipients = (a: { userId: string }, b: { userId: string }): number =>
  partitionOf(a.userId) - partitionOf(b.userId) || compareUserIds(a.userId, b.userId);
