import type { IdentityFields } from "@strata/contracts";
import { openMongo, silentLogger } from "@strata/runtime";
import { openInfra } from "@strata/testing";
import { OPERATOR } from "../src/bootstrap-operator.ts";
import { mongoAccountStore } from "../src/store/account-store.ts";
import { mongoAppStore } from "../src/store/app-store.ts";
import { mongoBlockStore } from "../src/store/block-store.ts";
import { mongoFollowingStore } from "../src/store/following-store.ts";
import { mongoIdentityStore } from "../src/store/identity-store.ts";
import { mongoTokenStore } from "../src/store/token-store.ts";

export { aDelivery, recordingPublisher } from "@strata/messaging/testing";

/** The stores of this service in a database of the test's own, with their indexes and the account "operator". */
export async function openStores(name: string) {
  const infra = await openInfra(name);
  const mongo = await openMongo(infra.mongoUrl("directory"), silentLogger);
  const stores = {
    accounts: mongoAccountStore(mongo.db),
    apps: mongoAppStore(mongo.db),
    tokens: mongoTokenStore(mongo.db),
    identities: mongoIdentityStore(mongo.db),
    followings: mongoFollowingStore(mongo.db),
    blocks: mongoBlockStore(mongo.db),
  };
  const { apps, tokens, identities, followings, blocks } = stores;
  await Promise.all([apps, tokens, identities, followings, blocks].map((store) => store.ensureIndexes()));
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
