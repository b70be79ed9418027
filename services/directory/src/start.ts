import { openBroker, redisReplicas } from "@strata/messaging";
import { openMongo, type ServiceContext, startAppPurges } from "@strata/runtime";
import { bootstrapOperator } from "./bootstrap-operator.ts";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { purgeApps } from "./purge-apps.ts";
import { mongoAccountStore } from "./store/account-store.ts";
import { mongoAppStore } from "./store/app-store.ts";
import { mongoAudienceStore } from "./store/audience-store.ts";
import { mongoAuditStore } from "./store/audit-store.ts";
import { mongoBlockStore } from "./store/block-store.ts";
import { mongoDecisionStore } from "./store/decision-store.ts";
import { mongoDeletionStore } from "./store/deletion-store.ts";
import { mongoFlagStore } from "./store/flag-store.ts";
import { mongoFollowingStore } from "./store/following-store.ts";
import { mongoIdentityProviderStore } from "./store/identity-provider-store.ts";
import { mongoIdentityStore } from "./store/identity-store.ts";
import { mongoMembershipStore } from "./store/membership-store.ts";
import { mongoModeratedUserStore } from "./store/moderated-user-store.ts";
import { mongoModerationPolicyStore } from "./store/moderation-policy-store.ts";
import { mongoMuteStore } from "./store/mute-store.ts";
import { mongoSegmentStore } from "./store/segment-store.ts";
import { mongoSessionStore } from "./store/session-store.ts";
import { mongoTokenStore } from "./store/token-store.ts";
import { mongoUserCountStore } from "./store/user-count-store.ts";
import { mongoUserFactsStore } from "./store/user-facts-store.ts";
import { mongoUserRecordsStore } from "./store/user-records-store.ts";

/** Composition root: what runs, in this order; it closes in reverse. */
export async function start({ config, log, closing, readiness, metrics }: ServiceContext<Config>): Promise<void> {
  const mongo = closing.add(await openMongo(config.MONGO_URL, log));
  readiness.add("mongodb", () => mongo.dependency.answers());
  const counts = mongoUserCountStore(mongo.db);
  const stores = {
    counts,
    accounts: mongoAccountStore(mongo.db),
    apps: mongoAppStore(mongo.db),
    memberships: mongoMembershipStore(mongo.db),
    tokens: mongoTokenStore(mongo.db),
    providers: mongoIdentityProviderStore(mongo.db),
    identities: mongoIdentityStore(mongo.db, counts),
    sessions: mongoSessionStore(mongo.db),
    audit: mongoAuditStore(mongo.db),
    audiences: mongoAudienceStore(mongo.db),
    segments: mongoSegmentStore(mongo.db),
    userFacts: mongoUserFactsStore(mongo.db),
    userRecords: mongoUserRecordsStore(mongo.db),
    deletions: mongoDeletionStore(mongo.db),
    followings: mongoFollowingStore(mongo.db),
    blocks: mongoBlockStore(mongo.db),
    flags: mongoFlagStore(mongo.db),
    decisions: mongoDecisionStore(mongo.db),
    moderatedUsers: mongoModeratedUserStore(mongo.db),
    mutes: mongoMuteStore(mongo.db),
    moderationPolicies: mongoModerationPolicyStore(mongo.db),
  };
  const { apps, tokens, providers, identities, sessions, followings, blocks, segments, audit } = stores;
  const indexed = [apps, tokens, providers, identities, sessions, followings, blocks, segments, audit];
  const { flags, decisions, moderatedUsers, mutes } = stores;
  const moderating = [flags, decisions, moderatedUsers, mutes, stores.memberships, stores.accounts, stores.deletions];
  await Promise.all([...indexed, ...moderating].map((store) => store.ensureIndexes()));
  if (config.BOOTSTRAP_ACCOUNT_TOKEN !== undefined) await bootstrapOperator(stores, config.BOOTSTRAP_ACCOUNT_TOKEN);

  const replicas = closing.add(
    await redisReplicas({
      redisUrl: config.REDIS_URL,
      keyPrefix: config.REDIS_KEY_PREFIX,
      brokerUrl: config.AMQP_URL,
      service: "directory",
      log,
    }),
  );
  const broker = closing.add(
    await openBroker({
      url: config.AMQP_URL,
      service: "directory",
      log,
      metrics,
      readiness,
      orderedQueues: config.ORDERED_QUEUES,
      replicas,
    }),
  );
  closing.add(
    await broker.consume(
      consumers({
        ...stores,
        publisher: broker,
        mongo: mongo.dependency,
        appDeletionGraceMs: config.APP_DELETION_GRACE_MS,
      }),
    ),
  );
  // What stays is the account's: that there was such an app, and what was done about it.
  const purges = closing.add(startAppPurges({ db: mongo.db, log, kept: ["apps"] }));
  closing.add(purgeApps({ ...stores, purges, publisher: broker, log, everyMs: config.APP_PURGE_INTERVAL_MS }));
}
