import type { BatchStored, PayloadOf } from "@strata/contracts";
import { announcementOf, type Batch } from "./batch.ts";
import type { Header } from "./header.ts";

/** The fact that a batch is in its recipients' inboxes. */
export const batchStored = (
  { sender, notification, isSilent, category, priority, expiresAt }: Header,
  { _id, partition, at, recipients }: Batch,
): PayloadOf<typeof BatchStored> => ({
  announcementId: announcementOf(_id),
  batchId: _id,
  partition,
  at,
  recipients: [...recipients],
  hasNotification: notification !== null,
  ...(isSilent && notification === null ? { isSilent } : {}),
  ...(category === null ? {} : { category }),
  ...(priority === "normal" ? {} : { priority }),
  ...(expiresAt === null ? {} : { expiresAt }),
  ...("userId" in sender ? { senderId: sender.userId } : {}),
});
