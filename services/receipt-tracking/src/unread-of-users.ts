import { compareUserIds, partitionOf } from "@strata/contracts";
import { announcementOf, type KeySpan, userOf } from "./domain/receipt-key.ts";
import type { InAnnouncement } from "./inbox.ts";
import { endKeys, type WalkDeps } from "./unread.ts";

/** Those of one partition in whose inboxes an announcement is. */
interface Crowd {
  readonly app: string;
  readonly announcementId: string;
  readonly partition: number;
  readonly userIds: readonly string[];
}

/**
 * Of fewer users than that, each one's keys are looked up; of more, what there is from the first to the last of them. They
 * are mostly neighbours, and have read little: that is why they are counted here.
 */
const SPANNED_USERS = 200;
/** How many entries of inboxes one look at receipts is for: as keys they are a megabyte. */
const ENTRIES_PER_LOOK = 5_000;
/** Of spans, as many receipts are read at most. */
const SPANNED_ENTRIES_PER_LOOK = 25_000;

/**
 * How many announcements each of up to 1,000 users has not read: what `unreadAnnouncements` counts of each of them, counted
 * of all in a few questions and queries. Nothing of it is kept, so it need not be made under tokens.
 */
export async function unreadOfUsers(
  { inboxes, receipts }: WalkDeps,
  app: string,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map(userIds.map((userId) => [userId, 0]));
  const partitions = new Map(userIds.map((userId) => [userId, partitionOf(userId)]));
  const take = (crowds: readonly Crowd[], stored: Iterable<string>): void => {
    for (const userId of unreadIn(crowds, stored)) counts.set(userId, (counts.get(userId) ?? 0) + 1);
  };
  for await (const announcements of inboxes.ofUsers(app, userIds)) {
    const crowds = crowdsOf(app, partitions, announcements);
    const { wide = [], narrow = [] } = Object.groupBy(crowds, (one) =>
      one.userIds.length < SPANNED_USERS ? "narrow" : "wide",
    );
    for (const look of inLooks(wide, SPANNED_ENTRIES_PER_LOOK)) {
      const stored = await receipts.existingWithin(look.flatMap(spansOf), entriesIn(look));
      if (stored === null) narrow.push(...look);
      else take(look, stored);
    }
    for (const look of inLooks(narrow, ENTRIES_PER_LOOK)) take(look, await receipts.existing(look.flatMap(keysOf)));
  }
  return counts;
}

const crowdsOf = (
  app: string,
  partitions: ReadonlyMap<string, number>,
  announcements: readonly InAnnouncement[],
): readonly Crowd[] =>
  announcements.flatMap(({ announcementId, userIds }) =>
    [...Map.groupBy(userIds, (userId) => partitions.get(userId) ?? partitionOf(userId))].map(
      ([partition, members]): Crowd => ({ app, announcementId, partition, userIds: members }),
    ),
  );

const endsOf = ({ app, announcementId, partition }: Crowd, userId: string): readonly string[] =>
  endKeys(partition, app, announcementId, userId);

const keysOf = (crowd: Crowd): readonly string[] => crowd.userIds.flatMap((userId) => endsOf(crowd, userId));

/** By kind: from the first user's receipt to the last one's, whoever else's are in between. */
function spansOf(crowd: Crowd): readonly KeySpan[] {
  const [any = ""] = crowd.userIds;
  const first = crowd.userIds.reduce((one, other) => (compareUserIds(other, one) < 0 ? other : one), any);
  const last = crowd.userIds.reduce((one, other) => (compareUserIds(other, one) > 0 ? other : one), any);
  const lasts = endsOf(crowd, last);
  return endsOf(crowd, first).map((key, n) => ({ first: key, last: lasts[n] ?? key }));
}

/** Each user once for each announcement that none of the stored receipts ends for her. */
function* unreadIn(crowds: readonly Crowd[], stored: Iterable<string>): Generator<string> {
  const ended = new Map<string, Set<string>>();
  for (const key of stored) {
    const announcementId = announcementOf(key);
    const users = ended.get(announcementId);
    if (users) users.add(userOf(key));
    else ended.set(announcementId, new Set([userOf(key)]));
  }
  for (const { announcementId, userIds } of crowds) {
    const users = ended.get(announcementId);
    for (const userId of userIds) if (!users?.has(userId)) yield userId;
  }
}

const entriesIn = (crowds: readonly Crowd[]): number => crowds.reduce((sum, { userIds }) => sum + userIds.length, 0);

function* inLooks(crowds: readonly Crowd[], most: number): Generator<readonly Crowd[]> {
  let look: Crowd[] = [];
  let entries = 0;
  for (const crowd of crowds) {
    look.push(crowd);
    entries += crowd.userIds.length;
    if (entries < most) continue;
    yield look;
    look = [];
    entries = 0;
  }
  if (look.length > 0) yield look;
}
