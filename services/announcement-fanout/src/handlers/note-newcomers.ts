import { type IdentityCreated, partitionOf, type PayloadOf, type UsersKnown } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import { aLatecomer, type LatecomerStore } from "../store/latecomer-store.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly latecomers: LatecomerStore;
}

interface Newcomers {
  readonly app: string;
  readonly userIds: readonly string[];
  readonly since: number;
}

/** Who is known by name now may be in the audience of what was announced before. */
export const noteKnown =
  (deps: Deps) =>
  async (deliveries: readonly Delivery<PayloadOf<typeof UsersKnown>>[]): Promise<readonly Outcome<never>[]> => {
    await note(
      deps,
      deliveries.map(({ app, payload: { userIds, at } }) => ({ app, userIds, since: at })),
    );
    return deliveries.map(() => ack);
  };

/** Who has an identity now may be, too, also if she was known by name before. */
export const noteCreated =
  (deps: Deps) =>
  async (deliveries: readonly Delivery<PayloadOf<typeof IdentityCreated>>[]): Promise<readonly Outcome<never>[]> => {
    await note(
      deps,
      deliveries.map(({ app, payload, sentAt }) => ({ app, userIds: [payload.userId], since: sentAt.getTime() })),
    );
    return deliveries.map(() => ack);
  };

/**
 * Writes down who may get which announcement late; that is found out once all others have it. One question for each app of
 * a group, by an index of what is open: an app without such announcements costs nothing else. What is announced after that
 * question is walked after it, and finds them among the known. Bears repeating.
 */
async function note({ announcements, latecomers }: Deps, newcomers: readonly Newcomers[]): Promise<void> {
  for (const [app, ofApp] of Map.groupBy(newcomers, (one) => one.app)) {
    const first = ofApp.reduce((least, { since }) => Math.min(least, since), Number.MAX_SAFE_INTEGER);
    for (const { announcementId, until } of await announcements.openToNewcomers(app, first)) {
      const inTime = ofApp.filter(({ since }) => since <= until).flatMap(({ userIds }) => userIds);
      const rows = inTime.map((userId) => aLatecomer(app, announcementId, partitionOf(userId), userId));
      await latecomers.insertNew(rows);
      if (rows.length > 0) await announcements.wakeSent([announcementKey(app, announcementId)]);
    }
  }
}
