import { type Identity, type IdentityFields, OPERATOR } from "@strata/contracts";
import type { Publisher } from "@strata/messaging";
import { aDelivery, recordingPublisher } from "@strata/messaging/testing";
import { openMongo, silentLogger } from "@strata/runtime";
import { openInfra } from "@strata/testing";
import { createIdentities } from "../src/handlers/create-identities.ts";
import { mongoAccountStore } from "../src/store/account-store.ts";
import { mongoAppStore } from "../src/store/app-store.ts";
import { mongoAudienceStore } from "../src/store/audience-store.ts";
import { mongoAuditStore } from "../src/store/audit-store.ts";
import { mongoBlockStore } from "../src/store/block-store.ts";
import { mongoDecisionStore } from "../src/store/decision-store.ts";
import { mongoDeletionStore } from "../src/store/deletion-store.ts";
import { mongoFlagStore } from "../src/store/flag-store.ts";
import { mongoFollowingStore } from "../src/store/following-store.ts";
import { mongoIdentityProviderStore } from "../src/store/identity-provider-store.ts";
import { mongoIdentityStore } from "../src/store/identity-store.ts";
import { mongoMembershipStore } from "../src/store/membership-store.ts";
import { mongoModeratedUserStore } from "../src/store/moderated-user-store.ts";
import { mongoModerationPolicyStore } from "../src/store/moderation-policy-store.ts";
import { mongoMuteStore } from "../src/store/mute-store.ts";
import { mongoSegmentStore } from "../src/store/segment-store.ts";
import { mongoSessionStore } from "../src/store/session-store.ts";
import { mongoTokenStore } from "../src/store/token-store.ts";
import { mongoUserCountStore } from "../src/store/user-count-store.ts";
import { mongoUserFactsStore } from "../src/store/user-facts-store.ts";
import { mongoUserRecordsStore } from "../src/store/user-records-store.ts";

export { aDelivery, recordingPublisher };

/** The stores of this service in a database of the test's own, with their indexes and the account "operator". */
export async function openStores(name: string) {
  const infra = await openInfra(name);
  const mongo = await openMongo(infra.mongoUrl("directory"), silentLogger);
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
  await stores.accounts.ensure({ _id: OPERATOR, name: "Operator", createdAt: 0 });
  return {
    ...stores,
    db: mongo.db,
    async [Symbol.asyncDispose]() {
      await mongo.close();
      await infra[Symbol.asyncDispose]();
    },
  };
}

export const identityFields = (displayName = "Ann"): IdentityFields => ({
  displayName,
  avatarUrl: null,
  firstName: null,
  lastName: null,
  phoneNumber: null,
  emailAddress: null,
  identityType: "user",
  publicKey: null,
  metadata: { tier: "gold" },
});

type Stores = Awaited<ReturnType<typeof openStores>>;

/** A user with an identity, made at the beginning of time, so that commands of any time find her. */
export async function withIdentity(
  stores: Stores,
  app: string,
  userId: string,
  displayName = "Ann",
): Promise<Identity> {
  const creation = aDelivery({ userId, fields: identityFields(displayName) }, { app, sentAt: new Date(1) });
  const [outcome] = await createIdentities({ ...stores, ...recordingPublisher() })([creation]);
  if (outcome?.kind !== "reply") throw new Error("she has no identity");
  return outcome.reply;
}

/**
 * What a handler did to a delivery whose event could not be published the first time, and that was then delivered again:
 * the outcome of the second time, and what was published then.
 */
export async function afterFailedPublish<D, O>(
  stores: Stores,
  handler: (deps: Stores & { readonly publisher: Publisher }) => (delivery: D) => Promise<O>,
  delivery: D,
) {
  const { publisher: failing } = recordingPublisher({ failing: true });
  const failure = await handler({ ...stores, publisher: failing })(delivery).catch((error: unknown) => error);
  if (!(failure instanceof Error)) throw new Error("the first time did not fail");
  const { events, publisher } = recordingPublisher();
  return { outcome: await handler({ ...stores, publisher })(delivery), events };
}
