import {
  type Announcement,
  type Change,
  FindAnnouncementReaders,
  FindRecipients,
  GetAnnouncement,
} from "@strata/contracts";
import { type Call, type ProfileCache, recipientViews } from "@strata/doors";
import {
  announcementObject,
  createPacket,
  deletePacket,
  type Packet,
  recipientStatusPath,
  setValue,
  updatePacket,
} from "@strata/layer-protocol";
import { isForEachAnother } from "@strata/personalisation";
import { type PacketsFor, type SentPacket, type ToldChange, writtenOnce } from "./packets.ts";

/** What happened to one announcement. */
export type AnnouncementChange = Extract<Change, { readonly announcementId: string }>;

interface Deps {
  readonly profiles: ProfileCache;
}

/** Of one question. */
const MAX_USERS = 1_000;

/** Tells changes of one announcement, in their order, a batch of its receivers at a time. */
export async function tellAnnouncement(
  call: Call,
  changes: readonly ToldChange<AnnouncementChange>[],
  deps: Deps,
  tell: PacketsFor,
): Promise<void> {
  const [first] = changes;
  if (!first) return;
  const { announcementId } = first.change;
  const object = announcementObject(call.wire.baseUrl, announcementId);
  const receivers = new Map<ToldChange<AnnouncementChange>, readonly string[]>();
  for (const one of changes) receivers.set(one, await concerned(call, one));
  const seen = await seenBy(call, announcementId, whoSees(receivers), deps);
  for (const [one, userIds] of receivers) {
    const { change } = one;
    for (const userId of userIds) {
      const hers = seen.get(userId);
      if (change.kind === "announcement-withdrawn") {
        tell(one, userId, [deletePacket(object, { mode: "all_participants" })]);
      } else if (hers !== undefined) {
        const isReceipt = change.kind === "announcement-receipts";
        tell(one, userId, isReceipt ? receiptPackets(change, userId, hers) : [hers.created()]);
      }
    }
  }

  function receiptPackets(
    { receipts }: Extract<AnnouncementChange, { kind: "announcement-receipts" }>,
    userId: string,
    { isRead, created }: Seen,
  ): readonly SentPacket[] {
    const kinds = new Set(receipts.filter((receipt) => receipt.userId === userId).map(({ kind }) => kind));
    // Deleted for herself: gone from all of her devices.
    if (kinds.has("deleted")) return [deletePacket(object, { mode: "my_devices" })];
    // As it is by now: that it was delivered may be told after that it was read.
    const status = updatePacket(object, [setValue(recipientStatusPath(userId), isRead ? "read" : "delivered")]);
    // Her other devices take it for read by the whole alone (client API 6.5).
    return isRead ? [status, created()] : [status];
  }
}

/** An announcement as one user sees it now. */
interface Seen {
  readonly isRead: boolean;
  /** The packet of all of it. */
  readonly created: () => SentPacket;
}

/** What is still to be seen of it; null once it is recalled, over, or gone. */
async function presentOf(call: Call, announcementId: string): Promise<Announcement | null> {
  const { progress } = await call.calls.ask(GetAnnouncement, { announcementId });
  if (!progress) return null;
  const { announcement } = progress;
  const { state, expiresAt } = announcement;
  const isOver = state === "recalled" || state === "expired" || (expiresAt ?? Number.POSITIVE_INFINITY) <= Date.now();
  return isOver ? null : announcement;
}

/** Of a change that was logged for all of the app, those whom it is about. */
async function concerned(call: Call, { change, userIds }: ToldChange<AnnouncementChange>): Promise<readonly string[]> {
  if (change.kind !== "announcement-corrected" && change.kind !== "announcement-withdrawn") return userIds;
  const recipients: string[] = [];
  for (let start = 0; start < userIds.length; start += MAX_USERS) {
    const check = { announcementId: change.announcementId, userIds: userIds.slice(start, start + MAX_USERS) };
    const { found } = await call.calls.ask(FindRecipients, { checks: [check] });
    recipients.push(...found.flatMap((one) => one.userIds));
  }
  return recipients;
}

/** Each of those once who are told more than that it is gone. */
const whoSees = (receivers: ReadonlyMap<ToldChange<AnnouncementChange>, readonly string[]>): readonly string[] => [
  ...new Set(
    [...receivers].flatMap(([{ change }, userIds]) => (change.kind === "announcement-withdrawn" ? [] : userIds)),
  ),
];

/**
 * As each of them sees it, asked once for all of its changes; whoever has read it already is told so, however late she is
 * told. Nobody, once there is nothing more to be seen of it.
 */
async function seenBy(
  call: Call,
  announcementId: string,
  userIds: readonly string[],
  { profiles }: Deps,
): Promise<ReadonlyMap<string, Seen>> {
  const seen = new Map<string, Seen>();
  const announcement = userIds.length === 0 ? null : await presentOf(call, announcementId);
  if (announcement === null) return seen;
  for (let start = 0; start < userIds.length; start += MAX_USERS) {
    const some = userIds.slice(start, start + MAX_USERS);
    const [{ userIds: readers }, createdFor] = await Promise.all([
      call.calls.ask(FindAnnouncementReaders, { announcementId, userIds: some }),
      createPackets(call, announcement, some, profiles),
    ]);
    const haveRead = new Set(readers);
    for (const userId of some) {
      const isRead = haveRead.has(userId);
      seen.set(userId, { isRead, created: () => createdFor(userId, isRead) });
    }
  }
  return seen;
}

async function createPackets(
  call: Call,
  announcement: Announcement,
  userIds: readonly string[],
  profiles: ProfileCache,
): Promise<(userId: string, isRead: boolean) => SentPacket> {
  const { version, baseUrl } = call.wire;
  const object = announcementObject(baseUrl, announcement.announcementId);
  const viewOf = await recipientViews(call, profiles, announcement, userIds);
  const packetOf = (userId: string, isRead: boolean): Packet => createPacket(object, viewOf(userId, isRead));
  if (isForEachAnother(announcement)) return packetOf;
  const unread = writtenOnce(version, (userId) => packetOf(userId, false));
  const read = writtenOnce(version, (userId) => packetOf(userId, true));
  return (userId, isRead) => (isRead ? read : unread)(userId);
}
