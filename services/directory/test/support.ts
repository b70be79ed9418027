import { randomUUID } from "node:crypto";
import type { AnyEvent, IdentityFields } from "@strata/contracts";
import type { Delivery, Publisher } from "@strata/messaging";
import { openMongo, silentLogger } from "@strata/runtime";
import { openInfra } from "@strata/testing";
import { OPERATOR } from "../src/bootstrap-operator.ts";
import { mongoAccountStore } from "../src/store/account-store.ts";
import { mongoAppStore } from "../src/store/app-store.ts";
import { mongoIdentityStore } from "../src/store/identity-store.ts";
import { mongoTokenStore } from "../src/store/token-store.ts";

/** The stores of this service in a database of the test's own, with their indexes and the account "operator". */
export async function openStores(name: string) {
  const infra = await openInfra(name);
  const mongo = await openMongo(infra.mongoUrl("directory"), silentLogger);
  const stores = {
    accounts: mongoAccountStore(mongo.db),
    apps: mongoAppStore(mongo.db),
    tokens: mongoTokenStore(mongo.db),
    identities: mongoIdentityStore(mongo.db),
  };
  await Promise.all([stores.apps, stores.tokens, stores.identities].map((store) => store.ensureIndexes()));
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

interface RecordedEvent {
  readonly type: string;
  readonly app: string;
  readonly payload: unknown;
  readonly id: string | undefined;
  readonly subjectVersion: number | undefined;
}

/** Keeps what would have been published; `failing` makes every publish fail, as with a broker that is away. */
export function recordingPublisher(options: { readonly failing?: boolean } = {}) {
  const events: RecordedEvent[] = [];
  const publisher: Publisher = {
    async emit(event: AnyEvent, app, payload, { id, subjectVersion } = {}) {
      if (options.failing) throw new Error("the broker is away");
      events.push({ type: event.type, app, payload: event.payload.parse(payload), id, subjectVersion });
    },
    send: () => Promise.reject(new Error("the directory sends no commands")),
  };
  return { events, publisher };
}

/** A delivery of this payload. Handing the same one over twice is a redelivery of its command. */
export const aDelivery = <Payload>(
  payload: Payload,
  envelope: Partial<Omit<Delivery<Payload>, "payload">> = {},
): Delivery<Payload> => ({
  id: randomUUID(),
  type: "test",
  app: randomUUID(),
  payload,
  sentAt: new Date(),
  attempt: 0,
  isRedelivered: false,
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  ...envelope,
});

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
