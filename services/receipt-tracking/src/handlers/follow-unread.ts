import type { AnnouncementRecalled, BatchStored, PayloadOf, ReceiptsRecorded } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import type { UnreadStore } from "../store/unread-store.ts";
import { endsUnread, FRESH_MS } from "../unread.ts";

interface Deps {
  readonly unread: UnreadStore;
}

/** A batch is in its recipients' inboxes: of those whose count is kept, one round trip changes all. */
export const countBatch =
  ({ unread }: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof BatchStored>>): Promise<Outcome<never>> => {
    const { announcementId, at, recipients } = payload;
    const changes = recipients.map((userId) => ({ app, userId, announcementId }));
    if (Date.now() - at <= FRESH_MS) await unread.markUnread(changes);
    else await unread.drop(changes);
    return ack;
  };

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
