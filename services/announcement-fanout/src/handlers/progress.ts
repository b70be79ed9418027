import type { AnnouncementProgress } from "@strata/contracts";
import { announcementFrom, announcementIdOf, type Header, localScheduleOf } from "../domain/header.ts";
import type { PartitionStore } from "../store/partition-store.ts";
import type { RecipientStore } from "../store/recipient-store.ts";

interface Deps {
  readonly partitions: PartitionStore;
  readonly recipients: RecipientStore;
}

/**
 * State and counts. What was fanned out keeps count in its partitions' rows; a short list that went out at once is
 * counted from its batches.
 */
export async function progressOf(
  { partitions, recipients: store }: Deps,
  header: Header,
): Promise<AnnouncementProgress> {
  const announcementId = announcementIdOf(header);
  const { sent, unknown, pending } =
    header.unknown === null
      ? await partitions.progress(header.app, announcementId)
      : { sent: await store.count(header.app, announcementId), unknown: header.unknown.length, pending: 0 };
  // Of an audience it is known how many they are once all are found.
  const named = header.audience.kind === "recipients" ? header.recipientCount : null;
  const recipients = header.isUploaded
    ? // What came in at the very start may not have been counted then.
      Math.max(header.recipientCount, sent + unknown)
    : (named ??
      (pending === 0 && header.startedBy !== null && !awaitsSlices(header)
        ? sent
        : Math.max(header.recipientCount, sent)));
  const counts = { recipients, unknown, sent };
  return { announcement: announcementFrom(header), counts };
}

/** By local time nothing may be pending, and others yet to come. */
const awaitsSlices = (header: Header): boolean =>
  localScheduleOf(header) !== null && (header.state === "distributing" || header.state === "paused");
