import type { BatchStored, PayloadOf } from "@strata/contracts";
import { announcementOf, type Batch } from "./batch.ts";

/** The fact that a batch is in its recipients' inboxes. */
export const batchStored = (
  announcement: { readonly notification: unknown },
  { _id, partition, at, recipients }: Batch,
): PayloadOf<typeof BatchStored> => ({
  announcementId: announcementOf(_id),
  batchId: _id,
  partition,
  at,
  recipients: [...recipients],
  hasNotification: announcement.notification !== null,
});
