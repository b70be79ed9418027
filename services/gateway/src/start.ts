import { rateLimit, sessionCache, settingsCache } from "@strata/doors";
import { openBroker } from "@strata/messaging";
import { openRedis, repeat, type ServiceContext } from "@strata/runtime";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { createApp, errorsUrlOf } from "./http/app.ts";
import { bodyBudget } from "./http/body-budget.ts";
import { grantCache } from "./http/grant-cache.ts";
import { inFlightLimit } from "./http/in-flight.ts";
import { requestMetrics } from "./http/metrics.ts";
import { newcomers } from "./http/newcomers.ts";
import { type HttpServer, listen } from "./http/server.ts";
import { type SignUpLimit, signUpLimit } from "./http/sign-up-limit.ts";
import { tokenUses } from "./http/token-uses.ts";
import { knownUsers } from "./routes/known-users.ts";
import { routesOf } from "./routes.ts";
import { nonces as noncesOf } from "./sessions/nonces.ts";

/** Composition root: what runs, in this order; it closes in reverse, so requests finish while the broker is still there. */
export async function start(context: ServiceContext<Config>): Promise<void> {
  await startGateway(context);
}

/** The same, and answers where it listens. */
export async function startGateway(context: ServiceContext<Config>): Promise<HttpServer> {
  const { config, log, closing, readiness, metrics } = context;
  const broker = closing.add(
    await openBroker({ url: config.AMQP_URL, service: "gateway", log, metrics, readiness }),
    "broker",
  );
  const grants = grantCache();
  const sessions = sessionCache();
  const nonces = noncesOf(config.NONCE_KEY);
  const settings = settingsCache();
  const users = knownUsers();
  // Before the first request: nothing may be cached whose end would not be heard.
  closing.add(await broker.consume(consumers({ grants, sessions, settings, users })), "consumers");

  const uses = tokenUses(broker);
  // Closed after the server, and while the broker is still there: what was noted last is reported, too.
  const reporting = repeat(config.TOKEN_USE_REPORT_INTERVAL_MS, () => uses.report(), log);
  const endReporting = async () => {
    await reporting.close();
    await uses.report().catch((error: unknown) => log.warn("the last uses of tokens are not reported", { error }));
  };
  closing.add({ close: endReporting }, "token uses");

  const strangerRates = rateLimit({
    perSecond: config.STRANGER_RATE_LIMIT_PER_SECOND,
    burst: config.STRANGER_RATE_LIMIT_BURST,
  });
  let isClosing = false;
  const app = createApp({
    broker,
    grants,
    tokenUses: uses,
    sessions,
    nonces,
    routes: routesOf(config, { settings, users, sessions, nonces, signUps: await openSignUps(context) }),
    rates: rateLimit({ perSecond: config.RATE_LIMIT_PER_SECOND, burst: config.RATE_LIMIT_BURST }),
    strangerRates,
    newcomers: newcomers(strangerRates),
    proxyHops: config.PROXY_HOPS,
    inFlight: inFlightLimit(config.MAX_IN_FLIGHT_PER_APP),
    maxInFlight: { perUser: config.MAX_IN_FLIGHT_PER_USER, perAddress: config.MAX_IN_FLIGHT_PER_ADDRESS },
    bodies: bodyBudget(config.MAX_BODY_BYTES_IN_FLIGHT),
    publicUrl: config.PUBLIC_URL,
    deadlineMs: config.REQUEST_DEADLINE_MS,
    strangerReceiveTimeoutMs: config.STRANGER_RECEIVE_TIMEOUT_MS,
    receiveTimeoutMs: config.RECEIVE_TIMEOUT_MS,
    log,
    metrics: requestMetrics(metrics),
    isClosing: () => isClosing,
  });
  const server = closing.add(
    await listen(app, {
      port: config.HTTP_PORT,
      host: config.LISTEN_HOST,
      maxConnections: config.MAX_CONNECTIONS,
      errorsUrl: errorsUrlOf(config.PUBLIC_URL),
      onClosing: () => {
        isClosing = true;
      },
    }),
    "http server",
  );
  log.info("listening", { port: server.port });
  return server;
}

/** Nobody waits for Redis but who signs up, so a gateway starts and stays ready without it. */
async function openSignUps({ config, log, closing }: ServiceContext<Config>): Promise<SignUpLimit | null> {
  const { SIGN_UPS_PER_HOUR: max, REDIS_URL: url, REDIS_KEY_PREFIX: keyPrefix } = config;
  if (max === 0 || url === undefined) return null;
  const { redis, ...connection } = await openRedis(url, log, { keyPrefix, mayBeAway: true });
  closing.add(connection, "redis");
  return signUpLimit({ max, redis });
}
