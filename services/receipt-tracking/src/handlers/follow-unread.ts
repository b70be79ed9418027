import type { AnnouncementRecalled, BatchStored, PayloadOf, ReceiptsRecorded } from "@strata/contracts";
import { ack, type Delivery, type GroupHandler, type Outcome } from "@strata/messaging";
import type { Transition, UnreadStore } from "../store/unread-store.ts";
import { endsUnread, FRESH_MS } from "../unread.ts";

interface Deps {
  readonly unread: UnreadStore;
}

/** Batches are in their recipients' inboxes: of those whose count is kept, one round trip changes all. */
export const countBatches =
  ({ unread }: Deps): GroupHandler<PayloadOf<typeof BatchStored>, never> =>
  async (deliveries) => {
    const now = Date.now();
    const isFresh = ({ payload }: Delivery<PayloadOf<typeof BatchStored>>): boolean => now - payload.at <= FRESH_MS;
    await unread.markUnread(deliveries.filter(isFresh).flatMap(changesOf));
    await unread.drop(deliveries.filter((delivery) => !isFresh(delivery)).flatMap(changesOf));
    return deliveries.map(() => ack);
  };

const changesOf = ({ app, payload }: Delivery<PayloadOf<typeof BatchStored>>): readonly Transition[] =>
  payload.recipients.map((userId) => ({ app, userId, announcementId: payload.announcementId }));

/** What was read, or deleted for oneself, is unread no more. A delivery changes nothing. */
export const countReceipts =
  ({ unread }: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ReceiptsRecorded>>): Promise<Outcome<never>> => {
    const { announcementId, receipts } = payload;
    const read = receipts.filter(({ kind }) => endsUnread(kind));
    await unread.markRead(read.map(({ userId }) => ({ app, userId, announcementId })));
    return ack;
  };

/** It has come into or left inboxes without number, being for everyone, recalled or expired: whoever of the app is asked about next is counted anew. */
export const dropCounts =
  ({ unread }: Deps) =>
  async ({ app }: Delivery<PayloadOf<typeof AnnouncementRecalled>>): Promise<Outcome<never>> => {
    await unread.dropApp(app);
    return ack;
  };
