import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { openBroker, purgedApps } from "@strata/messaging";
import { openMongo, type ServiceContext, startAppPurges } from "@strata/runtime";
import { urlCaller } from "./call-url.ts";
import { circuits as circuitsOf } from "./circuits.ts";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { startDueCalls } from "./due-calls.ts";
import { callMetrics } from "./metrics.ts";
import { callBackend } from "./signed-call.ts";
import { signing as signingWith } from "./signing.ts";
import { mongoCallStore } from "./store/call-store.ts";
import { mongoForgottenUserStore } from "./store/forgotten-user-store.ts";
import { mongoSecretStore } from "./store/secret-store.ts";
import { underWay } from "./under-way.ts";

/** Composition root: what runs, in this order; it closes in reverse. */
export async function start({ config, log, closing, readiness, metrics: registry }: ServiceContext<Config>) {
  const mongo = closing.add(await openMongo(config.MONGO_URL, log), "mongodb");
  readiness.add("mongodb", () => mongo.dependency.answers());
  const calls = mongoCallStore(mongo.db);
  const secrets = mongoSecretStore(mongo.db);
  const forgottenUsers = mongoForgottenUserStore(mongo.db);
  await Promise.all([calls.ensureIndexes(), forgottenUsers.ensureIndexes()]);

  const file = config.WEBHOOK_CA_FILE;
  const ca = file === undefined ? null : [...rootCertificates, await readFile(file, "utf8")];
  const caller = closing.add(urlCaller({ isLocalAllowed: config.ALLOW_LOCAL_WEBHOOKS, ca }), "connections to backends");
  const signing = signingWith(config.SIGNING_KEY, secrets);
  const broker = closing.add(
    await openBroker({ url: config.AMQP_URL, service: "integration", log, metrics: registry, readiness }),
    "broker",
  );
  const metrics = callMetrics(registry);
  const call = callBackend(caller, signing);
  const limits = underWay(config.CALLS_PER_APP);
  const circuits = circuitsOf({ coolDownMs: config.BACKEND_COOL_DOWN_MS, log });
  const rows = consumers({
    publisher: broker,
    calls,
    forgottenUsers,
    secrets,
    signing,
    call,
    underWay: limits,
    circuits,
    metrics,
    mongo: mongo.dependency,
  });
  const purges = closing.add(startAppPurges({ db: mongo.db, log }), "purges of apps");
  closing.add(await broker.consume([...rows, purgedApps("integration", purges, mongo.dependency)]), "consumers");
  closing.add(startDueCalls({ store: calls, call, broker, metrics, log }, config.DUE_POLL_INTERVAL_MS), "due calls");
}
