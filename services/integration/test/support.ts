import { randomBytes } from "node:crypto";
import { aDelivery, recordingPublisher } from "@strata/messaging/testing";
import { openMongo } from "@strata/runtime";
import { openInfra, testLogger } from "@strata/testing";
import { Registry } from "prom-client";
import { urlCaller } from "../src/call-url.ts";
import { callMetrics } from "../src/metrics.ts";
import { callBackend } from "../src/signed-call.ts";
import { signing } from "../src/signing.ts";
import { mongoCallStore } from "../src/store/call-store.ts";
import { mongoForgottenUserStore } from "../src/store/forgotten-user-store.ts";
import { mongoSecretStore } from "../src/store/secret-store.ts";

export { aDelivery };

/** What the handlers of this service work with, over a database of the test's own, and with local backends. */
export async function openWorld(name: string) {
  const infra = await openInfra(name);
  const mongo = await openMongo(infra.mongoUrl("integration"), testLogger("integration"));
  const calls = mongoCallStore(mongo.db);
  const forgottenUsers = mongoForgottenUserStore(mongo.db);
  await Promise.all([calls.ensureIndexes(), forgottenUsers.ensureIndexes()]);
  const secrets = mongoSecretStore(mongo.db);
  const signed = signing(randomBytes(32), secrets);
  const caller = urlCaller({ isLocalAllowed: true, ca: null });
  return {
    db: mongo.db,
    calls,
    forgottenUsers,
    publisher: recordingPublisher().publisher,
    secrets,
    signing: signed,
    call: callBackend(caller, signed),
    metrics: callMetrics(new Registry()),
    async [Symbol.asyncDispose]() {
      await caller.close();
      await mongo.close();
      await infra[Symbol.asyncDispose]();
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;
