import { randomUUID } from "node:crypto";
import { aDelivery, recordingPublisher } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { aContent } from "../../test/support.ts";
import { announcementKey } from "../domain/batch.ts";
import { mongoAnnouncementStore } from "../store/announcement-store.ts";
import { mongoBatchStore } from "../store/batch-store.ts";
import { mongoChunkStore } from "../store/chunk-store.ts";
import { mongoPartitionStore } from "../store/partition-store.ts";
import { mongoRecipientStore } from "../store/recipient-store.ts";
import { mongoSortedStore } from "../store/sorted-store.ts";
import { mongoRosterStore } from "../store/roster-store.ts";
import { mongoUploadStore } from "../store/upload-store.ts";
import { openAnnouncement } from "./open-announcement.ts";
import { startAnnouncement } from "./start-announcement.ts";
import { storeRecipients } from "./store-recipients.ts";
import { sweep } from "./sweep.ts";

const PARTITION = 5;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const asksNothing = (): Promise<never> => Promise.reject(new Error("the sweep asks nobody"));

describe("the sweep of headers that were never started", () => {
  let infra: Infra;
  let mongo: Mongo;
  before(async () => {
    infra = await openInfra("sweep");
    mongo = await openMongo(infra.mongoUrl("fanout"), silentLogger);
  });
  after(async () => {
    await mongo.close();
    await infra[Symbol.asyncDispose]();
  });

  function setUp() {
    const app = anAppId();
    const { publisher } = recordingPublisher();
    const deps = {
      announcements: mongoAnnouncementStore(mongo.db),
      batches: mongoBatchStore(mongo.db),
      chunks: mongoChunkStore(mongo.db),
      partitions: mongoPartitionStore(mongo.db),
      recipients: mongoRecipientStore(mongo.db),
      rosters: mongoRosterStore(mongo.db),
      sorted: mongoSortedStore(mongo.db),
      uploads: mongoUploadStore(mongo.db),
      broker: { ...publisher, ask: asksNothing, request: asksNothing },
    };
    /** A long list whose caller went away before she started it. */
    const opened = async (): Promise<string> => {
      const announcementId = randomUUID();
      const payload = { announcementId, digest: "d".repeat(64), recipientCount: 2, ...aContent() };
      await openAnnouncement(deps)(aDelivery(payload, { app }));
      const chunks = [{ partition: PARTITION, chunk: 0, userIds: ["a", "b"] }];
      await storeRecipients(deps)(aDelivery({ announcementId, chunks }, { app }));
      return announcementId;
    };
    const start = (announcementId: string) =>
      startAnnouncement(deps)(aDelivery({ announcementId, chunks: [{ partition: PARTITION, count: 1 }] }, { app }));
    const stateOf = async (announcementId: string) => ({
      state: (await deps.announcements.find(app, announcementId))?.state ?? null,
      chunks: await deps.chunks.count(app, announcementId),
    });
    return { app, deps, opened, start, stateOf };
  }

  it("removes header and recipients after an hour, not before, and nothing that was started", async () => {
    const { deps, opened, start, stateOf } = setUp();
    const [abandoned, begun] = [await opened(), await opened()];
    await start(begun);
    await sweep(deps, Date.now() + HOUR_MS - MINUTE_MS);
    expect(await stateOf(abandoned)).to.deep.equal({ state: "accepting", chunks: 1 });

    await sweep(deps, Date.now() + HOUR_MS + MINUTE_MS);
    expect(await stateOf(abandoned)).to.deep.equal({ state: null, chunks: 0 });
    expect(await stateOf(begun)).to.deep.equal({ state: "distributing", chunks: 1 });
  });

  it("tells a caller who comes back after that to begin anew, which then works", async () => {
    const { app, deps, opened, start, stateOf } = setUp();
    const abandoned = await opened();
    await sweep(deps, Date.now() + HOUR_MS + MINUTE_MS);
    expect(await start(abandoned)).to.have.nested.property("error.code", "not_found");
    const again = await opened();
    expect(await start(again)).to.have.nested.property("reply.outcome", "accepted");
    expect(await stateOf(again)).to.deep.equal({ state: "distributing", chunks: 1 });
    expect(await deps.announcements.find(app, abandoned)).to.equal(null);
  });

  it("never takes the recipients from one that is started in the same moment", async () => {
    const { app, deps, opened, stateOf } = setUp();
    const ids = await Promise.all(Array.from({ length: 60 }, opened));
    const announcements = {
      ...deps.announcements,
      async removeAbandoned(before: number) {
        const removing = deps.announcements.removeAbandoned(before);
        await Promise.all(
          ids.map((id) =>
            deps.announcements.move(announcementKey(app, id), ["accepting"], "distributing", {
              change: { startedBy: "starter", chunks: [] },
            }),
          ),
        );
        return removing;
      },
    };
    await sweep({ ...deps, announcements }, Date.now() + HOUR_MS + MINUTE_MS);
    const states = await Promise.all(ids.map(stateOf));
    const torn = states.filter(({ state, chunks }) => chunks !== (state === null ? 0 : 1));
    expect(torn).to.deep.equal([]);
  });
});
