import { randomUUID } from "node:crypto";
import { AnnouncementDistributed, BatchStored, FanOut, FindUnknownUsers, type PayloadOf } from "@strata/contracts";
import type { Client, Delivery } from "@strata/messaging";
import { aDelivery, recordingPublisher } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { announcementKey, type Batch, batchId } from "../domain/batch.ts";
import { headerOf } from "../domain/header.ts";
import { mongoAnnouncementStore } from "../store/announcement-store.ts";
import { mongoBatchStore } from "../store/batch-store.ts";
import { mongoChunkStore } from "../store/chunk-store.ts";
import { mongoPartitionStore } from "../store/partition-store.ts";
import { mongoRecipientStore } from "../store/recipient-store.ts";
import { mongoSortedStore } from "../store/sorted-store.ts";
import { mongoRosterStore } from "../store/roster-store.ts";
import { mongoUploadStore } from "../store/upload-store.ts";
import { fanOut } from "./fan-out.ts";
import { sweep } from "./sweep.ts";

const PARTITION = 5;
const SLOT = 5;
const AT_ONCE = { at: 1_790_000_000_000, isUrgent: false, isThrottled: false };

const requestsNothing: Client["request"] = () => Promise.reject(new Error("the fan-out requests nothing"));

/** Everybody exists but "nobody". */
const directory: Pick<Client, "ask"> = {
  async ask(query, _app, payload) {
    const { userIds } = FindUnknownUsers.payload.parse(payload);
    return query.reply.parse({ unknown: userIds.filter((userId) => userId === "nobody") });
  },
};

const wake = (app: string, id: string = randomUUID()): Delivery<PayloadOf<typeof FanOut>> =>
  aDelivery({ slot: SLOT }, { app, id, type: FanOut.type });

const typesOf = (sent: readonly { readonly type: string }[]): readonly string[] => sent.map(({ type }) => type);

describe("fanOut", () => {
  let infra: Infra;
  let mongo: Mongo;
  before(async () => {
    infra = await openInfra("fan-out-handler");
    mongo = await openMongo(infra.mongoUrl("fanout"), silentLogger);
  });
  after(async () => {
    await mongo.close();
    await infra[Symbol.asyncDispose]();
  });

  /** A started announcement with these chunks in one partition. */
  const started = (chunks: readonly (readonly string[])[]) => startedIn(new Map([[PARTITION, chunks]]));

  /** A started announcement with these chunks, by partition. */
  async function startedIn(lists: ReadonlyMap<number, readonly (readonly string[])[]>) {
    const app = anAppId();
    const announcementId = randomUUID();
    const stores = {
      announcements: mongoAnnouncementStore(mongo.db),
      batches: mongoBatchStore(mongo.db),
      chunks: mongoChunkStore(mongo.db),
      partitions: mongoPartitionStore(mongo.db),
      recipients: mongoRecipientStore(mongo.db),
      rosters: mongoRosterStore(mongo.db),
      sorted: mongoSortedStore(mongo.db),
      uploads: mongoUploadStore(mongo.db),
    };
    const header = headerOf({
      _id: announcementKey(app, announcementId),
      app,
      state: "distributing",
      at: 1_790_000_000_000,
      sender: { name: "Ops" },
      parts: [{ mimeType: "text/plain", body: "hello", encoding: null }],
      notification: null,
      recipientCount: [...lists.values()].flat(2).length,
      recipients: null,
      unknown: null,
      digest: "d".repeat(64),
      by: "open",
      startedBy: "start",
      chunks: [...lists].map(([partition, { length: count }]) => ({ partition, count })),
    });
    await stores.announcements.insertNew([header]);
    const rows = [...lists].flatMap(([partition, chunks]) =>
      chunks.map((userIds, chunk) => ({ partition, chunk, userIds: [...userIds] })),
    );
    await stores.chunks.insertNew(app, announcementId, rows);
    await stores.partitions.insertNew(app, announcementId, AT_ONCE, [...lists.keys()]);
    const { events, commands, publisher } = recordingPublisher();
    const deps = { ...stores, broker: { ...publisher, ...directory, request: requestsNothing } };
    const stored = (): Promise<readonly Batch[]> =>
      mongo.db.collection<Batch>("batches").find({ app }).sort({ _id: 1 }).toArray();
    return { app, announcementId, deps, events, commands, stored, handle: fanOut(deps) };
  }

  it("writes chunk n as batch n, leaves out who does not exist, counts, and says when all is done", async () => {
    const { app, announcementId, deps, events, stored, handle } = await started([
      ["a", "b"],
      ["nobody"],
      ["c", "nobody"],
    ]);
    expect(await handle(wake(app))).to.deep.equal({ kind: "ack" });
    const rows = (await stored()).map(({ _id, recipients }) => ({ _id, recipients }));
    expect(rows).to.deep.equal([
      { _id: batchId(app, announcementId, PARTITION, 0), recipients: ["a", "b"] },
      { _id: batchId(app, announcementId, PARTITION, 2), recipients: ["c"] },
    ]);
    expect(await deps.partitions.progress(app, announcementId)).to.deep.equal({ sent: 3, unknown: 2, pending: 0 });
    expect(events.at(-1)).to.deep.include({
      type: AnnouncementDistributed.type,
      payload: { announcementId, sent: 3, unknown: 2 },
    });
    expect((await deps.announcements.find(app, announcementId))?.state).to.equal("distributed");
  });

  it("adopts and publishes the batch that a killed worker stored, though people have come and gone since", async () => {
    const { app, announcementId, deps, events, stored, handle } = await started([["a", "b"], ["c"]]);
    const earlier: Batch = {
      _id: batchId(app, announcementId, PARTITION, 0),
      app,
      partition: PARTITION,
      at: 1_790_000_000_000,
      recipients: ["a"],
    };
    await deps.batches.insertNew([earlier]);
    await handle(wake(app));
    expect((await stored()).map(({ recipients }) => recipients)).to.deep.equal([["a"], ["c"]]);
    const published = events.filter(({ type }) => type === BatchStored.type).map(({ payload }) => payload);
    expect(published.map((payload) => BatchStored.payload.parse(payload).recipients)).to.deep.equal([["a"], ["c"]]);
    expect(await deps.partitions.progress(app, announcementId)).to.deep.equal({ sent: 2, unknown: 1, pending: 0 });
  });

  describe("short lists in several partitions of its slot", () => {
    /** Of slot 5, and the last of them needs two steps. */
    const lists = new Map([
      [5, [["a", "nobody"]]],
      [13, [["b"], ["c"]]],
      [21, [["d"], ["e"], ["f"], ["g"], ["h"]]],
    ]);

    it("are written together, with one question, each as if it were written by itself", async () => {
      const { app, announcementId, deps, stored } = await startedIn(lists);
      const asked: unknown[] = [];
      const ask: Pick<Client, "ask"> = {
        ask(query, ofApp, payload) {
          asked.push(payload);
          return directory.ask(query, ofApp, payload);
        },
      };
      await fanOut({ ...deps, broker: { ...deps.broker, ...ask } })(wake(app));
      expect((await stored()).map(({ _id, partition, recipients }) => ({ _id, partition, recipients }))).to.deep.equal(
        [...lists].flatMap(([partition, chunks]) =>
          chunks.map((userIds, n) => ({
            _id: batchId(app, announcementId, partition, n),
            partition,
            recipients: userIds.filter((userId) => userId !== "nobody"),
          })),
        ),
      );
      expect(asked).to.deep.equal([{ userIds: ["a", "nobody", "b", "c", "d", "e", "f", "g"] }, { userIds: ["h"] }]);
      expect(await deps.partitions.progress(app, announcementId)).to.deep.equal({ sent: 8, unknown: 1, pending: 0 });
      expect((await deps.announcements.find(app, announcementId))?.state).to.equal("distributed");
    });

    it("are each brought to an end once, whatever of them a dead worker had stored or moved", async () => {
      const { app, announcementId, deps, events, stored, handle } = await startedIn(lists);
      const batch = (partition: number, recipients: readonly string[]): Batch => ({
        _id: batchId(app, announcementId, partition, 0),
        app,
        partition,
        at: 1_790_000_000_000,
        recipients,
      });
      await deps.batches.insertNew([batch(5, ["a"]), batch(13, ["b"])]);
      const row = (await deps.partitions.nextPending(app, SLOT, 8)).find(({ partition }) => partition === 5);
      const step = { batches: 1, sent: 1, unknown: 1, cursor: null, isDone: true };
      if (row) await deps.partitions.advance(row, step);
      await handle(wake(app));
      expect((await stored()).flatMap(({ recipients }) => recipients)).to.deep.equal("abcdefgh".split(""));
      const published = events.filter(({ type }) => type === BatchStored.type).map(({ payload }) => payload);
      expect(published.flatMap((payload) => BatchStored.payload.parse(payload).recipients)).to.deep.equal(
        "bcdefgh".split(""),
      );
      expect(await deps.partitions.progress(app, announcementId)).to.deep.equal({ sent: 8, unknown: 1, pending: 0 });
      expect((await deps.announcements.find(app, announcementId))?.state).to.equal("distributed");
    });
  });

  it("leaves a slot that another worker holds, and goes on at once with its own after a redelivery", async () => {
    const { app, deps, events, handle } = await started([["a"]]);
    const redelivered = wake(app);
    await deps.partitions.acquireSlot(app, SLOT, redelivered.id, 60_000);
    await handle(wake(app));
    expect(events).to.deep.equal([]);
    await handle(redelivered);
    expect(typesOf(events)).to.include(BatchStored.type);
  });

  it("is woken by the sweep where a worker died with its wake, and finished where only the last word was missing", async () => {
    const { app, announcementId, deps, commands, handle } = await started([["a"]]);
    await sweep(deps);
    const wakes = commands.map(({ type, app: of, payload }) => ({ type, app: of, payload }));
    expect(wakes).to.deep.include({ type: FanOut.type, app, payload: { slot: SLOT } });
    await handle(wake(app));
    await mongo.db
      .collection<{ _id: string; state: string }>("announcements")
      .updateOne({ _id: announcementKey(app, announcementId) }, { $set: { state: "distributing" } });
    await sweep(deps);
    expect((await deps.announcements.find(app, announcementId))?.state).to.equal("distributed");
  });

  it("finds every page of an inbox and of receipts' membership through the index", async () => {
    const { app, announcementId, deps, handle } = await started([["a", "b"]]);
    await deps.batches.ensureIndexes();
    await handle(wake(app));
    const filter = { app, partition: PARTITION, recipients: { $in: ["a", ""] }, at: { $lte: Date.now() } };
    const plan = await mongo.db
      .collection("batches")
      .find(filter)
      .sort({ at: -1, _id: 1 })
      .limit(20)
      .explain("queryPlanner");
    expect(JSON.stringify(plan["queryPlanner"].winningPlan)).to.include("SORT_MERGE").and.not.include("COLLSCAN");
    expect(announcementId).to.be.a("string");
  });
});
