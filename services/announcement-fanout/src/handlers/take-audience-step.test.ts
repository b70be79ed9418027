import { randomUUID } from "node:crypto";
import { type AnnounceToAudience, BatchStored, type PayloadOf, SLOTS } from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import { usersOf } from "../../test/crowd.ts";
import { openStage, SLOT, type Stage } from "../../test/stage.ts";
import { aContent } from "../../test/support.ts";
import { type Batch, batchId } from "../domain/batch.ts";
import { announceToAudience } from "./announce-to-audience.ts";

type App = ReturnType<Stage["anApp"]>;

/** All partitions of the slot. */
const OF_SLOT = Array.from({ length: 8 }, (_, n) => SLOT + n * SLOTS);

/** Which partitions each write of several is about. */
function watchWrites({ deps }: App) {
  const writes: number[][] = [];
  const { batches } = deps;
  Object.assign(deps, {
    batches: {
      ...batches,
      insertOrAdopt(rows: readonly Batch[]) {
        writes.push(rows.map(({ partition }) => partition));
        return batches.insertOrAdopt(rows);
      },
    },
  });
  return writes;
}
const recipientsOf = async (app: App) => new Map((await app.batches()).map(({ _id, recipients }) => [_id, recipients]));
const published = (app: App) =>
  app.eventsOf(BatchStored.type).map(({ payload }) => BatchStored.payload.parse(payload).recipients);

describe("an audience with few in each partition", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("take-audience-step");
  });
  after(() => stage[Symbol.asyncDispose]());

  /** Accepted, to whose ids begin with an a; so many are in these partitions. */
  async function announced(sizes: ReadonlyMap<number, number>, recipientCount: number | null = null) {
    const app = stage.anApp();
    const users = new Map([...sizes].map(([partition, size]) => [partition, usersOf(partition, size, "a")]));
    for (const userId of [...users.values()].flat()) app.users.set(userId, 1);
    const payload: PayloadOf<typeof AnnounceToAudience> = {
      announcementId: randomUUID(),
      digest: "d".repeat(64),
      ...aContent(),
      audience: { kind: "filter", filter: { field: "user_id", startsWith: "a" }, segmentId: null },
      recipientCount,
    };
    await announceToAudience(app.deps)(aDelivery(payload, { app: app.app }));
    const { announcementId } = payload;
    const at = (await app.find(announcementId))?.at ?? 0;
    /** A batch as a dead worker may have left it. */
    const batch = (partition: number, recipients: readonly string[]): Batch => {
      return { _id: batchId(app.app, announcementId, partition, 0), app: app.app, partition, at, recipients };
    };
    return { app, announcementId, users, batch };
  }

  it("is brought to it four partitions at a time, each as if it were taken by itself", async () => {
    const { app, announcementId, users } = await announced(
      new Map([...OF_SLOT.map((one) => [one, 3] as const), [13, 0]]),
    );
    const writes = watchWrites(app);
    await app.workAllSlots();
    expect(writes.filter((some) => some.length > 0)).to.deep.equal([
      [5, 21, 29],
      [37, 45, 53, 61],
    ]);
    const expected = OF_SLOT.filter((partition) => partition !== 13).map(
      (partition) => [batchId(app.app, announcementId, partition, 0), users.get(partition)] as const,
    );
    expect(await recipientsOf(app)).to.deep.equal(new Map(expected));
    expect(published(app)).to.deep.equal(expected.map(([, recipients]) => recipients));
    expect(await app.progress(announcementId)).to.deep.equal({ sent: 21, unknown: 0, pending: 0 });
    expect((await app.find(announcementId))?.state).to.equal("distributed");
  });

  it("is brought to it by one write for a slot where it was counted", async () => {
    const { app, announcementId } = await announced(new Map(OF_SLOT.map((partition) => [partition, 2])), 16);
    const writes = watchWrites(app);
    await app.work();
    expect(writes).to.deep.equal([OF_SLOT]);
    expect((await app.progress(announcementId)).sent).to.equal(16);
  });

  it("is read on behind its first batch where a partition has more, each of its users once", async () => {
    const { app, announcementId, users } = await announced(
      new Map([
        [5, 2],
        [13, 2_300],
        [21, 1_000],
      ]),
    );
    await app.workAllSlots();
    const stored = await recipientsOf(app);
    expect([...stored.values()].map(({ length }) => length)).to.deep.equal([2, 1_000, 1_000, 300, 1_000]);
    expect([...stored.values()].flat()).to.deep.equal([...users.values()].flat());
    expect(await app.progress(announcementId)).to.deep.equal({ sent: 3_302, unknown: 0, pending: 0 });
  });

  it("keeps what a dead worker stored or moved, and goes on behind it: nobody is in two batches", async () => {
    const { app, announcementId, users, batch } = await announced(
      new Map([
        [5, 4],
        [13, 1_200],
        [21, 3],
      ]),
    );
    const [of5 = [], of13 = [], of21 = []] = users.values();
    // It saw fewer than we do, other ones than we do, and of one partition it did not live to move the row.
    await app.deps.batches.insertNew([batch(5, of5.slice(0, 2)), batch(13, of13.slice(0, 700)), batch(21, of21)]);
    await app.workAllSlots();
    const all = [...(await recipientsOf(app)).values()];
    expect(all.flat()).to.deep.equal([...of5, ...of13, ...of21]);
    expect(published(app).flat().toSorted()).to.deep.equal(all.flat().toSorted());
    expect(await app.progress(announcementId)).to.deep.equal({ sent: 1_207, unknown: 0, pending: 0 });
  });

  it("is brought to it once where a worker died before its events were confirmed", async () => {
    const { app, announcementId, users } = await announced(
      new Map([
        [5, 2],
        [13, 2],
      ]),
    );
    app.failNext(new Error("killed"));
    await app.work().catch(() => undefined);
    await app.workAllSlots();
    expect([...(await recipientsOf(app)).values()].flat()).to.deep.equal([...users.values()].flat());
    expect(new Set(published(app).flat()).size).to.equal(4);
    expect(await app.progress(announcementId)).to.deep.equal({ sent: 4, unknown: 0, pending: 0 });
  });
});
