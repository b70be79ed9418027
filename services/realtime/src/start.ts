import { composer as composerOf, contentUrls, profileCache, sessionCache, settingsCache } from "@strata/doors";
import { openBroker } from "@strata/messaging";
import { openMongo, openRedis, repeat, type ServiceContext } from "@strata/runtime";
import pLimit from "p-limit";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { socketMetrics } from "./metrics.ts";
import { findReceivers } from "./receivers.ts";
import { answerRequest } from "./requests/answer-request.ts";
import { presenceOver } from "./requests/presence.ts";
import { typingOver } from "./requests/typing.ts";
import { openSignals } from "./signals.ts";
import { admit } from "./sockets/admission.ts";
import type { Connection } from "./sockets/connection.ts";
import { createRegistry } from "./sockets/registry.ts";
import { serveConnection } from "./sockets/serve-connection.ts";
import { openSocketServer, type SocketServer } from "./sockets/socket-server.ts";
import { mongoChangeStore } from "./store/change-store.ts";
import { redisPresenceStore, SOCKET_TTL_MS } from "./store/presence-store.ts";
import { callIn } from "./views/call.ts";

/** What fits into one message of a client beside its parts is bounded by the size of a packet. */
const MAX_PART_BYTES = 2_048;
/** How many sockets one write to Redis refreshes. */
const REFRESHED_TOGETHER = 1_000;
/** Sockets that must catch up come back over so long. */
const CATCH_UP_OVER_MS = 2_000;

/** Composition root: what runs, in this order; it closes in reverse, so the sockets are gone before what serves them. */
export async function start({
  config,
  log,
  closing,
  readiness,
  metrics: registered,
}: ServiceContext<Config>): Promise<void> {
  const registry = createRegistry();
  const metrics = socketMetrics(registered, () => registry.size);
  const mongo = closing.add(await openMongo(config.MONGO_URL, log), "mongodb");
  const changes = mongoChangeStore(mongo.db, { keptHours: config.REPLAY_HOURS + 1 });
  await changes.ensureIndexes();
  const keyPrefix = config.REDIS_KEY_PREFIX;
  const { redis, ...redisConnection } = await openRedis(config.REDIS_URL, log, { keyPrefix, mayBeAway: true });
  closing.add(redisConnection, "redis");
  const { redis: subscriber, ...subscribing } = await openRedis(config.REDIS_URL, log, { mayBeAway: true });
  closing.add(subscribing, "redis signals");
  const signals = closing.add(openSignals(redis, subscriber, { registry, log, keyPrefix }), "signals");
  const store = redisPresenceStore(redis);

  const broker = closing.add(
    await openBroker({ url: config.AMQP_URL, service: "realtime", log, metrics: registered, readiness }),
    "broker",
  );
  const baseUrl = config.PUBLIC_URL;
  const calls = { broker, baseUrl, deadlineMs: config.REQUEST_DEADLINE_MS };
  const sessions = sessionCache();
  const settings = settingsCache();
  const profiles = profileCache();
  const contents = contentUrls({ key: config.CONTENT_KEY, publicUrl: baseUrl });
  const composer = composerOf({ profiles, contents });
  const rendering = { composer, profiles, settings };
  const typing = typingOver({ signals, profiles });
  const presence = presenceOver({ store, signals, baseUrl, log });

  let server: SocketServer | undefined;
  const onGap = (): void => void server?.closeAll("behind", CATCH_UP_OVER_MS);
  const rows = consumers({
    ...rendering,
    registry,
    calls,
    log,
    changes,
    presence: store,
    sessions,
    typing,
    findReceivers: findReceivers(broker),
    publisher: broker,
    client: broker,
    onGap,
    mongo: mongo.dependency,
    conversation: broker.dependsOn("conversation"),
    directory: broker.dependsOn("directory"),
  });
  // Before the first socket: nothing may be live that would not be heard.
  closing.add(await broker.consume(rows), "consumers");

  const answer = answerRequest({
    ...rendering,
    changes,
    calls,
    replayHours: config.REPLAY_HOURS,
    maxBufferedBytes: config.MAX_BUFFERED_BYTES,
    sending: { ...rendering, maxPartBytes: MAX_PART_BYTES },
    presence,
    replays: pLimit(config.MAX_REPLAYS_UNDER_WAY),
  });
  const serving = {
    answer,
    typing,
    calls,
    errorsUrl: `${baseUrl}/docs/errors`,
    maxWaitingRequests: config.MAX_WAITING_REQUESTS,
    log,
  };
  const callOf = ({ session, version }: Connection) => callIn(calls, { appId: session.appId, version });
  server = closing.add(
    await openSocketServer({
      port: config.SOCKET_PORT,
      registry,
      limits: {
        maxSockets: config.MAX_SOCKETS,
        maxSocketsPerUser: config.MAX_SOCKETS_PER_USER,
        maxUpgradesUnderWay: config.MAX_UPGRADES_UNDER_WAY,
        maxBufferedBytes: config.MAX_BUFFERED_BYTES,
        maxPacketBytes: config.MAX_PACKET_BYTES,
        drainMs: config.DRAIN_MS,
      },
      admit: (request) => admit(request, { sessions, settings, calls }),
      onOpen(connection, socket) {
        serveConnection(socket, connection, serving);
        void presence.opened(connection);
      },
      onClose(connection) {
        const call = callOf(connection);
        void presence.closed(connection, call.calls);
        typing.closed(connection, call).catch((error: unknown) => log.debug("typing was not ended", { error }));
      },
      onClosing: (reason) => metrics.closed.inc({ reason }),
      log,
    }),
    "sockets",
  );
  closing.add(
    repeat(SOCKET_TTL_MS / 3, () => refresh(presence, registry.all()), log),
    "presence",
  );
  log.info("listening", { port: server.port });
}

async function refresh(presence: ReturnType<typeof presenceOver>, connections: readonly Connection[]): Promise<void> {
  for (let first = 0; first < connections.length; first += REFRESHED_TOGETHER) {
    await presence.refresh(connections.slice(first, first + REFRESHED_TOGETHER));
  }
}
