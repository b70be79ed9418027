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

interface Entry {
  readonly announcementId: string;
  readonly position: number;
}

/** The entries of some of a group, and how many of its members, from the first on, have all of theirs among them. */
interface Found {
  readonly entries: readonly Entry[];
  readonly done: number;
}

/** Entries of one answer: a megabyte of JSON. */
const ENTRIES_PER_ANSWER = 200_000;
/** What it costs, in recipients of a batch that are read: a batch beside them, to walk an inbox, and each entry of it. */
const COST = { batch: 500, walk: 200, entry: 6 } as const;
/** Of whole batches: up to 3 MB. */
const BATCHES_PER_READ = 100;
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
  const all = readers.map((reader, position): Member => ({ ...reader, position }));
  for (const [partition, members] of Map.groupBy(all, ({ userId }) => partitionOf(userId))) {
    const found = room > 0 ? await entriesOf(db, batches, { scope, partition, members }, room) : NOTHING;
    room -= found.entries.length;
    for (const { announcementId, position } of found.entries) {
      const positions = announcements.get(announcementId);
      if (positions) positions.push(position);
      else announcements.set(announcementId, [position]);
    }
    for (const { position } of members.slice(found.done)) left.push(position);
  }
  return { announcements, left };
}

const NOTHING: Found = { entries: [], done: 0 };

async function entriesOf(db: Db, batches: Collection<Batch>, group: Group, room: number): Promise<Found> {
  const forAll = await sentToEveryone(batches, group);
  const fitting = Math.max(1, Math.floor(room / Math.max(1, forAll.length)));
  const some = { ...group, members: group.members.slice(0, fitting) };
  const own = (await fromWholeBatches(batches, some, room)) ?? (await fromWalks(db, batches, some, room));
  const entries = [...own.entries];
  for (const { knownSince, position } of some.members.slice(0, own.done)) {
    for (const { announcementId, cutoff } of forAll) {
      if (knownSince !== null && knownSince <= cutoff) entries.push({ announcementId, position });
    }
  }
  return { entries, done: own.done };
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
 * A batch is mostly many of the group's at once, where announcements come to the same crowd: then they are read as a whole.
 * Null where too few of their recipients are the group's, so that walking is cheaper. Once there is no room, it goes on for
 * half of the group.
 */
async function fromWholeBatches(
  batches: Collection<Batch>,
  { scope, partition, members }: Group,
  room: number,
): Promise<Found | null> {
  const positions = new Map(members.map(({ userId, position }) => [userId, position]));
  const named = { recipients: { $in: [...positions.keys()] } };
  const filter = { ...batchesIn(scope.app, partition), ...named, ...notHidden(scope) };
  let entries: Entry[] = [];
  let [cost, found] = [0, 0];
  for await (const { _id, recipients } of batches.find(filter, {
    projection: { recipients: 1 },
    batchSize: BATCHES_PER_READ,
  })) {
    const announcementId = announcementOf(_id);
    const before = entries.length;
    for (const userId of recipients) {
      const position = positions.get(userId);
      if (position !== undefined) entries.push({ announcementId, position });
    }
    cost += COST.batch + recipients.length;
    found += entries.length - before;
    if (cost > members.length * COST.walk + found * COST.entry) return null;
    while (entries.length > room && positions.size > 1) {
      const gone = members.slice(Math.ceil(positions.size / 2), positions.size);
      const end = gone[0]?.position ?? 0;
      for (const { userId } of gone) positions.delete(userId);
      entries = entries.filter(({ position }) => position < end);
    }
  }
  return { entries, done: positions.size };
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
): Promise<Found> {
  const pipeline: Document[] = [
    { $match: { ...batchesIn(scope.app, partition), ...notHidden(scope) } },
    { $project: { _id: 1 } },
  ];
  const cursor = db.aggregate<{ readonly position: number; readonly ids: readonly string[] }>(
    [
      // As they are: an id may begin with what begins an expression.
      { $documents: { $literal: members.map(({ userId, position }) => ({ userId, position })) } },
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
