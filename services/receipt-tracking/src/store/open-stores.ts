import type { Db } from "mongodb";
import { mongoActivityStore } from "./activity-store.ts";
import { mongoCountStore } from "./count-store.ts";
import { mongoInsightFactStore } from "./insight-fact-store.ts";
import { mongoInsightStore } from "./insight-store.ts";
import { mongoReceiptStore } from "./receipt-store.ts";
import { mongoSentStore } from "./sent-store.ts";
import { mongoTimelineStore } from "./timeline-store.ts";

/** Every store in MongoDB, with its indexes. */
export async function openStores(db: Db) {
  const stores = {
    receipts: mongoReceiptStore(db),
    counts: mongoCountStore(db),
    timelines: mongoTimelineStore(db),
    sent: mongoSentStore(db),
    facts: mongoInsightFactStore(db),
    activity: mongoActivityStore(db),
    insights: mongoInsightStore(db),
  };
  for (const store of Object.values(stores)) await store.ensureIndexes();
  return stores;
}
