import { openBroker, purgedApps } from "@strata/messaging";
import { openMongo, repeat, type ServiceContext, startAppPurges } from "@strata/runtime";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { startDueAnnouncements } from "./due-announcements.ts";
import { fanOutMetrics } from "./metrics.ts";
import { sweep } from "./handlers/sweep.ts";
import { mongoAnnouncementStore } from "./store/announcement-store.ts";
import { mongoBatchStore } from "./store/batch-store.ts";
import { mongoChunkStore } from "./store/chunk-store.ts";
import { mongoLatecomerStore } from "./store/latecomer-store.ts";
import { mongoPartitionStore } from "./store/partition-store.ts";
import { mongoRecipientStore } from "./store/recipient-store.ts";
import { mongoSortedStore } from "./store/sorted-store.ts";
import { mongoRosterStore } from "./store/roster-store.ts";
import { mongoUploadStore } from "./store/upload-store.ts";

/** Composition root: what runs, in this order; it closes in reverse. */
export async function start({ config, log, closing, readiness, metrics }: ServiceContext<Config>): Promise<void> {
  const mongo = closing.add(await openMongo(config.MONGO_URL, log));
  readiness.add("mongodb", () => mongo.dependency.answers());
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
  const broker = closing.add(
    await openBroker({
      url: config.AMQP_URL,
      service: "announcement-fanout",
      log,
      metrics,
      readiness,
      orderedQueues: config.ORDERED_QUEUES,
    }),
  );
  const deps = { ...stores, broker, log };
  const rows = consumers({
    ...deps,
    mongo: mongo.dependency,
    metrics: fanOutMetrics(metrics),
    concurrency: config.FANOUT_CONCURRENCY,
    steps: config.FANOUT_STEPS,
  });
  const purges = closing.add(startAppPurges({ db: mongo.db, log }));
  closing.add(await broker.consume([...rows, purgedApps("announcement-fanout", purges, mongo.dependency)]));
  closing.add(startDueAnnouncements(deps, config.DUE_POLL_INTERVAL_MS));
  closing.add(repeat(config.SWEEP_INTERVAL_MS, () => sweep(deps), log.child({ work: "sweep" })));
}
