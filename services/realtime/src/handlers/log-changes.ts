import { ChangeLogged } from "@strata/contracts";
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
 * nothing is live before it is logged, so that whoever misses it finds it there. What comes again is told again under the
 * same id.
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

async function entriesOf(heard: readonly Heard[], findReceivers: FindReceivers): Promise<readonly Found[]> {
  const receivers = new Map<Heard, readonly string[]>();
  for (const [app, some] of Map.groupBy(heard, ({ delivery }) => delivery.app)) {
    const found = await findReceivers(
      app,
      some.map(({ told }) => told),
    );
    for (const [index, one] of some.entries()) receivers.set(one, found[index] ?? []);
  }
  return heard.flatMap((one) => {
    const all = receivers.get(one) ?? [];
    const pieces = Array.from({ length: Math.ceil(all.length / RECEIVERS) }, (_, n) =>
      all.slice(n * RECEIVERS, (n + 1) * RECEIVERS),
    );
    return pieces.map((piece, n) => ({
      delivery: one.delivery,
      entry: {
        id: n === 0 ? one.delivery.id : `${one.delivery.id}.${n}`,
        app: one.delivery.app,
        receivers: piece,
        change: one.told.change,
      },
    }));
  });
}
