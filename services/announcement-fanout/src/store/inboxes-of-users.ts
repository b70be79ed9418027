import { partitionOf } from "@strata/contracts";
import type { Collection, Db, Document } from "mongodb";
import { announcementOf, type Batch } from "../domain/batch.ts";
import { batchesIn, forEveryone, type InboxReader, type InboxScope, notHidden } from "./inbox-filter.ts";

export interface InboxesOfUsers {
  /** By announcement: the positions of those readers in whose inboxes it is. */
  readonly announcements: ReadonlyMap<string, readonly number[]>;
  /** The positions of those whose inboxes are not in this answer; never of all. */
  readonly left: readonly number[];
}

/** One of the readers asked about. */
interface Member extends InboxReader {
  readonly position: number;
}

/** Some readers of one partition. */
interface Group {
  readonly scope: InboxScope;
  readonly partition: number;
  readonly members: readonly Member[];
}

/** What was sent to some of a group, and to how many of its members, from the first on, that is all. */
interface Own {
  readonly entries: readonly { readonly announcementId: string; readonly position: number }[];
  readonly done: number;
}

/** Entries of one answer: a megabyte of JSON. */
const ENTRIES_PER_ANSWER = 200_000;
/** Reading a batch of a thousand recipients takes as long as walking along so many inboxes. */
const WALKS_PER_BATCH = 5;
/** Of whole batches, up to 30 kB each. */
const BATCHES_PER_READ = 50;
const INBOXES_PER_READ = 100;

/** What is in the inboxes of many users of an app. One that is longer than an answer is in one all the same. */
export async function inboxesOfUsers(
  db: Db,
  batches: Collection<Batch>,
  scope: InboxScope,
  readers: readonly InboxReader[],
  most = ENTRIES_PER_ANSWER,
): Promise<InboxesOfUsers> {
  const announcements = new Map<string, number[]>();
  const left: number[] = [];
  let room = most;
  const put = (announcementId: string, position: number): void => {
    room -= 1;
    const positions = announcements.get(announcementId);
    if (positions) positions.push(position);
    else announcements.set(announcementId, [position]);
  };
  const all = readers.map((reader, position): Member => ({ ...reader, position }));
  for (const [partition, members] of Map.groupBy(all, ({ userId }) => partitionOf(userId))) {
    let done = 0;
    if (room > 0) {
      const forAll = await sentToEveryone(batches, { scope, partition, members });
      const fitting = Math.max(1, Math.floor(room / Math.max(1, forAll.length)));
      const group = { scope, partition, members: members.slice(0, fitting) };
      const own = (await fromWholeBatches(batches, group)) ?? (await fromWalks(db, batches, group, room));
      done = own.done;
      for (const { announcementId, position } of own.entries) put(announcementId, position);
      for (const { announcementId, cutoff } of forAll) {
        for (const { knownSince, position } of members.slice(0, done)) {
          if (knownSince !== null && knownSince <= cutoff) put(announcementId, position);
        }
      }
    }
    for (const { position } of members.slice(done)) left.push(position);
  }
  return { announcements, left };
}

/** What is for everyone who was known at some time at which any of a group was. */
async function sentToEveryone(batches: Collection<Batch>, { scope, partition, members }: Group) {
  const knownSince = Math.min(...members.map((member) => member.knownSince ?? Infinity));
  if (knownSince === Infinity) return [];
  const filter = { ...batchesIn(scope.app, partition), ...forEveryone(knownSince), ...notHidden(scope) };
  const found = await batches.find(filter, { projection: { cutoff: 1 } }).toArray();
  return found.map(({ _id, cutoff = -Infinity }) => ({ announcementId: announcementOf(_id), cutoff }));
}

/**
 * A batch is mostly many of the group's at once, whose announcements came to the same crowd: then a few of them, read as a
 * whole, say it all. Null where they are more, so that walking is cheaper.
 */
async function fromWholeBatches(batches: Collection<Batch>, { scope, partition, members }: Group): Promise<Own | null> {
  const positions = new Map(members.map(({ userId, position }) => [userId, position]));
  const filter = {
    ...batchesIn(scope.app, partition),
    recipients: { $in: [...positions.keys()] },
    ...notHidden(scope),
  };
  const most = Math.floor(members.length / WALKS_PER_BATCH);
  const cursor = batches.find(filter, { projection: { recipients: 1 }, batchSize: BATCHES_PER_READ }).limit(most + 1);
  const entries = [];
  let read = 0;
  for await (const { _id, recipients } of cursor) {
    read += 1;
    if (read > most) return null;
    const announcementId = announcementOf(_id);
    for (const userId of recipients) {
      const position = positions.get(userId);
      if (position !== undefined) entries.push({ announcementId, position });
    }
  }
  return { entries, done: members.length };
}

/**
 * Walks along each inbox as for one user alone, all in one command. Once there is no room, it goes no further. One inbox
 * has room in 16 MB, which is more than 100,000 announcements.
 */
async function fromWalks(
  db: Db,
  { collectionName: from }: Collection<Batch>,
  { scope, partition, members }: Group,
  room: number,
): Promise<Own> {
  const pipeline: Document[] = [
    { $match: { ...batchesIn(scope.app, partition), ...notHidden(scope) } },
    { $project: { _id: 1 } },
  ];
  const cursor = db.aggregate<{ readonly position: number; readonly ids: readonly string[] }>(
    [
      { $documents: members.map(({ userId, position }) => ({ userId, position })) },
      { $lookup: { from, localField: "userId", foreignField: "recipients", pipeline, as: "batches" } },
      { $project: { position: 1, ids: "$batches._id" } },
    ],
    { batchSize: INBOXES_PER_READ },
  );
  const entries = [];
  let done = 0;
  for await (const { position, ids } of cursor) {
    for (const id of ids) entries.push({ announcementId: announcementOf(id), position });
    done += 1;
    if (entries.length >= room) break;
  }
  return { entries, done };
}
