import { openMongo, openRedis } from "@strata/runtime";
import { openInfra, testLogger } from "@strata/testing";
import type { ChangeEntry } from "../src/store/change-store.ts";
import { mongoChangeStore } from "../src/store/change-store.ts";
import { CONVERSATION_ID } from "./seen.ts";

export { aDelivery, recordingPublisher } from "@strata/messaging/testing";

/** The replay log and the Redis of a test's own. */
export async function openStores(name: string) {
  const infra = await openInfra(name);
  const log = testLogger("realtime");
  const mongo = await openMongo(infra.mongoUrl("realtime"), log);
  const redis = await openRedis(infra.redisUrl, log, { keyPrefix: infra.redisPrefix });
  const changes = mongoChangeStore(mongo.db, { keptHours: 37 });
  await changes.ensureIndexes();
  return {
    infra,
    db: mongo.db,
    redis: redis.redis,
    changes,
    async [Symbol.asyncDispose]() {
      await redis.close();
      await mongo.close();
      await infra[Symbol.asyncDispose]();
    },
  };
}

/** A change of the metadata of one conversation, that some hear of. */
export const anEntry = (id: string, app: string, receivers: readonly string[]): ChangeEntry => ({
  id,
  app,
  receivers,
  change: { kind: "metadata-changed", conversationId: CONVERSATION_ID },
});
