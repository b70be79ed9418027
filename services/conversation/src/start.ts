import { openBroker, purgedApps, redisReplicas } from "@strata/messaging";
import { openMongo, openRedis, type ServiceContext, startAppPurges } from "@strata/runtime";
import type { Config } from "./config.ts";
import { blockersOver } from "./blockers.ts";
import { consumers } from "./consumers.ts";
import { BUCKET } from "./content/gridfs-storage.ts";
import { LEASE_MS, startDueMessages } from "./due-messages.ts";
import { startRuleRuns } from "./due-rule-runs.ts";
import { startDueSteps } from "./due-steps.ts";
import { knownUsersOver } from "./known-users.ts";
import { messagePolicies } from "./message-policies.ts";
import { messageRates } from "./message-rates.ts";
import { summariesOf } from "./message-summaries.ts";
import { policing } from "./policing.ts";
import { sharedSummariesOf } from "./shared-summaries.ts";
import { startPurge } from "./purge-deleted.ts";
import { openStorage } from "./content/open-storage.ts";
import { startContents } from "./content/start-contents.ts";
import { mongoBanStore } from "./store/ban-store.ts";
import { mongoContentStore } from "./store/content-store.ts";
import { mongoConversationMessages } from "./store/conversation-messages.ts";
import { mongoConversationStore } from "./store/conversation-store.ts";
import { mongoForgottenUserStore } from "./store/forgotten-user-store.ts";
import { mongoInviteStore } from "./store/invite-store.ts";
import { mongoMembershipRuleStore } from "./store/membership-rule-store.ts";
import { mongoMembershipStore } from "./store/membership-store.ts";
import { mongoMessagePolicyStore } from "./store/message-policy-store.ts";
import { mongoMessageReceiptStore } from "./store/message-receipt-store.ts";
import { mongoMessageStore } from "./store/message-store.ts";
import { mongoRuleMemberStore } from "./store/rule-member-store.ts";
import { mongoRuleRunStore } from "./store/rule-run-store.ts";
import { mongoRefusedMessageStore } from "./store/refused-message-store.ts";
import { mongoScheduleStore } from "./store/schedule-store.ts";
import { mongoSearchStore } from "./store/search-store.ts";
import { mongoTimelineStore } from "./store/timeline-store.ts";
import { mongoUserRecordsStore } from "./store/user-records-store.ts";

/** Composition root: what runs, in this order; it closes in reverse. `now` is the clock by which conversations open and close. */
export async function start(
  { config, log, closing, readiness, metrics }: ServiceContext<Config>,
  now: () => number = Date.now,
): Promise<void> {
  const mongo = closing.add(await openMongo(config.MONGO_URL, log), "mongodb");
  readiness.add("mongodb", () => mongo.dependency.answers());
  const stores = {
    conversations: mongoConversationStore(mongo.db),
    memberships: mongoMembershipStore(mongo.db),
    invites: mongoInviteStore(mongo.db),
    rules: mongoMembershipRuleStore(mongo.db),
    runs: mongoRuleRunStore(mongo.db),
    members: mongoRuleMemberStore(mongo.db),
    messages: mongoMessageStore(mongo.db),
    schedules: mongoScheduleStore(mongo.db),
    bans: mongoBanStore(mongo.db),
    contents: mongoContentStore(mongo.db),
    refusedMessages: mongoRefusedMessageStore(mongo.db),
  };
  const storage = await openStorage(config, mongo);
  const timelines = mongoTimelineStore(mongo.db);
  await Promise.all(Object.values(stores).map((store) => store.ensureIndexes()));

  const replicas = closing.add(
    await redisReplicas({
      redisUrl: config.REDIS_URL,
      keyPrefix: config.REDIS_KEY_PREFIX,
      brokerUrl: config.AMQP_URL,
      service: "conversation",
      log,
    }),
    "replicas",
  );
  const broker = closing.add(
    await openBroker({
      url: config.AMQP_URL,
      service: "conversation",
      log,
      metrics,
      readiness,
      orderedQueues: config.ORDERED_QUEUES,
      replicas,
    }),
    "broker",
  );
  const redis =
    config.REDIS_URL === undefined
      ? null
      : closing.add(
          await openRedis(config.REDIS_URL, log, { keyPrefix: config.REDIS_KEY_PREFIX, mayBeAway: true }),
          "redis",
        );
  const policyStore = mongoMessagePolicyStore(mongo.db);
  const policies = messagePolicies(policyStore);
  const summaries = summariesOf(timelines);
  const deps = {
    ...stores,
    forgottenUsers: mongoForgottenUserStore(mongo.db),
    conversationMessages: mongoConversationMessages(mongo.db),
    userRecords: mongoUserRecordsStore(mongo.db),
    timelines,
    messageReceipts: mongoMessageReceiptStore(mongo.db),
    searches: mongoSearchStore(mongo.db),
    policyStore,
    messagePolicies: policies,
    policing: policing({ ...stores, messagePolicies: policies, messageRates: messageRates(redis?.redis ?? null, log) }),
    summaries,
    sharedSummaries: sharedSummariesOf({ timelines, summaries }),
    publisher: broker,
    client: broker,
    now,
    log,
    slowMs: config.SLOW_MESSAGE_MS,
    blockers: blockersOver(broker),
    knownUsers: knownUsersOver(broker),
    mongo: mongo.dependency,
    directory: broker.dependsOn("directory"),
  };
  // Bytes go before their rows, which the sweep of contents sees to.
  const kept = ["contents", `${BUCKET}.files`, `${BUCKET}.chunks`];
  const also = (app: string) => stores.contents.purgeApp(app);
  const purges = closing.add(startAppPurges({ db: mongo.db, log, kept, also }), "purges of apps");
  const rows = [...consumers(deps), purgedApps("conversation", purges, mongo.dependency)];
  closing.add(await broker.consume(rows), "consumers");
  const due = { ...deps, broker, leaseMs: LEASE_MS };
  closing.add(startDueMessages(due, config.DUE_POLL_INTERVAL_MS), "due messages");
  closing.add(startDueSteps(due, config.DUE_POLL_INTERVAL_MS), "due steps");
  await startContents({ ...deps, config, log, closing, storage });
  closing.add(startRuleRuns(deps, config.DUE_POLL_INTERVAL_MS, log), "rule runs");
  closing.add(startPurge(deps, config.PURGE_INTERVAL_MS, log), "purge");
}
