import { type Change, ChangeLogged } from "@strata/contracts";
import { derivedUuid } from "@strata/doors";
import { ack, type Delivery, type Outcome, type Publisher } from "@strata/messaging";
import { gathering } from "@strata/runtime";
import type { Told } from "../domain/entries.ts";
import type { FindReceivers } from "../receivers.ts";
import type { ChangeEntry, ChangeStore } from "../store/change-store.ts";

interface Deps {
  readonly changes: ChangeStore;
  readonly findReceivers: FindReceivers;
  readonly publisher: Publisher;
  readonly now?: () => number;
}

/** One event's delivery with what it comes to. */
interface Heard {
  readonly delivery: Delivery<unknown>;
  readonly told: Told;
}

/** How many are written together at most. */
const TOGETHER = 500;
/** A longer list of receivers is several documents: each is a multikey entry per receiver. */
const RECEIVERS = 1_000;

/**
 * Logs what sockets are to be told, in the order in which it came, and only then says so to the replicas that hold them:
 * nothing is live before it is logged, so that whoever misses it finds it there. What comes again is told again, under the
 * same id unless it came together with other batches of its announcement: telling that twice is harmless.
 */
export function logChanges({ changes, findReceivers, publisher, now = Date.now }: Deps) {
  let last = 0;
  /** Later than what was logged before, also within one millisecond and where the clock is set back. */
  const later = (): number => (last = Math.max(now(), last + 1));
  const log = gathering<Heard, void>({
    concurrency: 1,
    maxWeight: TOGETHER,
    async work(heard) {
      const entries = await entriesOf(heard, findReceivers);
      const logged = await changes.append(
        entries.map(({ entry }) => entry),
        later(),
      );
      await Promise.all(
        logged.map(({ app, id, at, receivers, change }, index) => {
          const cause = entries[index]?.delivery;
          return publisher.emit(
            ChangeLogged,
            app,
            { at, receivers: [...receivers], change },
            { id, ...(cause && { cause }) },
          );
        }),
      );
      return heard.map(() => undefined);
    },
  });
  return <Payload>(toldOf: (payload: Payload) => Told) =>
    async (delivery: Delivery<Payload>): Promise<Outcome<never>> => {
      await log({ delivery, told: toldOf(delivery.payload) });
      return ack;
    };
}

interface Found {
  readonly delivery: Delivery<unknown>;
  readonly entry: ChangeEntry;
}

/** Events that come to one change of one app, and whom it is told to. */
interface Group {
  readonly deliveries: readonly Delivery<unknown>[];
  readonly change: Change;
  readonly receivers: readonly string[];
}

async function entriesOf(heard: readonly Heard[], findReceivers: FindReceivers): Promise<readonly Found[]> {
  const receivers = new Map<Heard, readonly string[]>();
  for (const [app, some] of Map.groupBy(heard, ({ delivery }) => delivery.app)) {
    const found = await findReceivers(
      app,
      some.map(({ told }) => told),
    );
    for (const [index, one] of some.entries()) receivers.set(one, found[index] ?? []);
  }
  const each = heard.map((one) => ({
    deliveries: [one.delivery],
    change: one.told.change,
    receivers: receivers.get(one) ?? [],
  }));
  return batchesTogether(each).flatMap(entriesOfGroup);
}

/** Of batches of an announcement that follow each other, one change for the receivers of them all. */
function batchesTogether(groups: readonly Group[]): readonly Group[] {
  const joined: Group[] = [];
  for (const group of groups) {
    const last = joined.at(-1);
    if (last === undefined || !isSameAnnouncement(last, group)) joined.push(group);
    else {
      const deliveries = [...last.deliveries, ...group.deliveries];
      joined[joined.length - 1] = { ...last, deliveries, receivers: [...last.receivers, ...group.receivers] };
    }
  }
  return joined;
}

const isSameAnnouncement = (one: Group, other: Group): boolean =>
  one.change.kind === "announcement-received" &&
  other.change.kind === "announcement-received" &&
  one.change.announcementId === other.change.announcementId &&
  one.deliveries[0]?.app === other.deliveries[0]?.app;

function entriesOfGroup({ deliveries, change, receivers }: Group): readonly Found[] {
  const [delivery] = deliveries;
  if (delivery === undefined) return [];
  const id = idOf(deliveries);
  const pieces = Array.from({ length: Math.ceil(receivers.length / RECEIVERS) }, (_, n) =>
    receivers.slice(n * RECEIVERS, (n + 1) * RECEIVERS),
  );
  return pieces.map((piece, n) => ({
    delivery,
    entry: { id: n === 0 ? id : `${id}.${n}`, app: delivery.app, receivers: piece, change },
  }));
}

/** Of what came together the id names all of it: it may come again in other company, and is then another change. */
const idOf = (deliveries: readonly Delivery<unknown>[]): string =>
  deliveries.length === 1 ? (deliveries[0]?.id ?? "") : derivedUuid(...deliveries.map(({ id }) => id));
