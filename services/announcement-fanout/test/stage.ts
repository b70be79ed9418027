import { randomUUID } from "node:crypto";
import { FanOut, type PayloadOf, SLOTS } from "@strata/contracts";
import type { Client, Delivery } from "@strata/messaging";
import { aDelivery, recordingPublisher } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, type Infra, openInfra } from "@strata/testing";
import type { z } from "zod";
import { announcementKey, type Batch } from "../src/domain/batch.ts";
import { type Header, headerOf } from "../src/domain/header.ts";
import { layOutPartitions } from "../src/handlers/begin-distribution.ts";
import { fanOut } from "../src/handlers/fan-out.ts";
import { mongoAnnouncementStore } from "../src/store/announcement-store.ts";
import { mongoBatchStore } from "../src/store/batch-store.ts";
import { mongoChunkStore } from "../src/store/chunk-store.ts";
import { mongoLatecomerStore } from "../src/store/latecomer-store.ts";
import { mongoRecipientStore } from "../src/store/recipient-store.ts";
import { mongoSortedStore } from "../src/store/sorted-store.ts";
import { mongoRosterStore } from "../src/store/roster-store.ts";
import { mongoUploadStore } from "../src/store/upload-store.ts";
import { mongoPartitionStore } from "../src/store/partition-store.ts";
import { aCrowd } from "./crowd.ts";
import { aContent } from "./support.ts";

/** The partition that staged announcements have their recipients in, and its slot. */
export const PARTITION = 5;
export const SLOT = 5;

const requestsNothing: Client["request"] = () => Promise.reject(new Error("the fan-out requests nothing"));

const wake = (app: string, slot: number, id: string = randomUUID()): Delivery<PayloadOf<typeof FanOut>> =>
  aDelivery({ slot }, { app, id, type: FanOut.type });

/** Real stores, and a publisher that keeps what is published: what the handlers of this service need. */
export async function openStage(name: string) {
  const infra: Infra = await openInfra(name);
  const mongo: Mongo = await openMongo(infra.mongoUrl("fanout"), silentLogger);
  const stores = {
    announcements: mongoAnnouncementStore(mongo.db),
    batches: mongoBatchStore(mongo.db),
    chunks: mongoChunkStore(mongo.db),
    latecomers: mongoLatecomerStore(mongo.db),
    partitions: mongoPartitionStore(mongo.db),
    recipients: mongoRecipientStore(mongo.db),
    rosters: mongoRosterStore(mongo.db),
    sorted: mongoSortedStore(mongo.db),
    uploads: mongoUploadStore(mongo.db),
  };
  await Promise.all(
    [stores.announcements, stores.batches, stores.partitions, stores.sorted].map((store) => store.ensureIndexes()),
  );

  /** An app with its own record of what is published. */
  function anApp(app = anAppId()) {
    const recorded = recordingPublisher();
    const crowd = aCrowd();
    const deps = { ...stores, broker: { ...recorded.publisher, ask: crowd.ask, request: requestsNothing } };
    /** An announcement whose recipients, in these chunks of one partition, are stored; distributing unless said otherwise. */
    async function announced(chunks: readonly (readonly string[])[], fields: Partial<z.input<typeof Header>> = {}) {
      const announcementId = randomUUID();
      const header = headerOf({
        _id: announcementKey(app, announcementId),
        app,
        state: "distributing",
        at: Date.now(),
        ...aContent(),
        notification: null,
        recipientCount: chunks.flat().length,
        recipients: null,
        unknown: null,
        digest: "d".repeat(64),
        by: "open",
        startedBy: "start",
        chunks: [{ partition: PARTITION, count: chunks.length }],
        ...fields,
      });
      await stores.announcements.insertNew([header]);
      const rows = chunks.map((userIds, chunk) => ({ partition: PARTITION, chunk, userIds: [...userIds] }));
      await stores.chunks.insertNew(app, announcementId, rows);
      if (header.state === "distributing") await layOutPartitions(stores, header);
      return announcementId;
    }
    return {
      app,
      deps,
      ...recorded,
      announced,
      users: crowd.users,
      timeZones: crowd.timeZones,
      work: () => fanOut(deps)(wake(app, SLOT)),
      async workAllSlots() {
        for (let slot = 0; slot < SLOTS; slot += 1) await fanOut(deps)(wake(app, slot));
      },
      find: (announcementId: string) => stores.announcements.find(app, announcementId),
      progress: (announcementId: string) => stores.partitions.progress(app, announcementId),
      batches: (): Promise<readonly Batch[]> =>
        mongo.db.collection<Batch>("batches").find({ app }).sort({ _id: 1 }).toArray(),
      rosters: (): Promise<readonly Batch[]> =>
        mongo.db.collection<Batch>("rosters").find({ app }).sort({ _id: 1 }).toArray(),
      eventsOf: (type: string) => recorded.events.filter((event) => event.type === type),
    };
  }

  return {
    mongo,
    anApp,
    async [Symbol.asyncDispose]() {
      await mongo.close();
      await infra[Symbol.asyncDispose]();
    },
  };
}
export type Stage = Awaited<ReturnType<typeof openStage>>;
