import {
  composer as composerOf,
  contentUrls,
  profileCache,
  rateLimit,
  sessionCache,
  settingsCache,
} from "@strata/doors";
import { openBroker } from "@strata/messaging";
import { type Closable, openMongo, openRedis, type Readiness, repeat, type ServiceContext } from "@strata/runtime";
import pLimit from "p-limit";
import type { Config } from "./config.ts";
import { consumers, SOCKETS_QUEUE } from "./consumers.ts";
import { socketMetrics } from "./metrics.ts";
import { findReceivers } from "./receivers.ts";
import { answerRequest } from "./requests/answer-request.ts";
import { presenceOver } from "./requests/presence.ts";
import { typingOver } from "./requests/typing.ts";
import { openSignals } from "./signals.ts";
import { admit, livesOn } from "./sockets/admission.ts";
import type { Connection } from "./sockets/connection.ts";
import { type HeardThrough, heardThrough } from "./sockets/heard-through.ts";
import { createRegistry } from "./sockets/registry.ts";
import { serveConnection } from "./sockets/serve-connection.ts";
import { openSocketServer, type SocketServer } from "./sockets/socket-server.ts";
import { mongoChangeStore } from "./store/change-store.ts";
import { redisPresenceStore, SOCKET_TTL_MS } from "./store/presence-store.ts";
import { callIn } from "./views/call.ts";

/** What fits into one message of a client beside its parts is bounded by the size of a packet. */
const MAX_PART_BYTES = 2_048;
/** One app leaves room for so many of its size. */
const APPS_AT_LEAST = 4;
/** How many sockets one write to Redis refreshes. */
const REFRESHED_TOGETHER = 1_000;
/** Sockets that must catch up come back over so long. */
const CATCH_UP_OVER_MS = 2_000;
/** Much shorter than what a replay goes back further than it is asked to. */
const HEARING_POLL_MS = 1_000;
/** What may wait of one client, in packets of the largest size. */
const MAX_WAITING_PACKETS = 2;

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
  const heard = heardThrough();
  const onGap = (): void => {
    const release = heard.hold();
    void (server?.closeAll("behind", CATCH_UP_OVER_MS) ?? Promise.resolve()).finally(release);
  };
  const rows = consumers({
    ...rendering,
    registry,
    calls,
    log,
    changes,
    presence: store,
    sessions,
    typing,
    heard,
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

  const hearing = watchHearing(readiness, heard);
  closing.add(
    repeat(HEARING_POLL_MS, () => hearing.look(), log),
    "hearing",
  );

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
    rates: rateLimit({
      perSecond: config.SOCKET_RATE_LIMIT_PER_SECOND,
      burst: config.SOCKET_RATE_LIMIT_BURST,
      maxOwners: config.MAX_SOCKETS,
    }),
    maxWaitingRequests: config.MAX_WAITING_REQUESTS,
    maxWaitingBytes: MAX_WAITING_PACKETS * config.MAX_PACKET_BYTES,
    log,
  };
  const callOf = ({ session, version }: Connection) => callIn(calls, { appId: session.appId, version });
  const leaving = closing.add(settling(), "presence of closed sockets");
  server = closing.add(
    await openSocketServer({
      port: config.SOCKET_PORT,
      host: config.LISTEN_HOST,
      registry,
      limits: {
        maxSockets: config.MAX_SOCKETS,
        maxSocketsPerApp: config.MAX_SOCKETS_PER_APP ?? Math.ceil(config.MAX_SOCKETS / APPS_AT_LEAST),
        maxSocketsPerUser: config.MAX_SOCKETS_PER_USER,
        maxUpgradesUnderWay: config.MAX_UPGRADES_UNDER_WAY,
        maxBufferedBytes: config.MAX_BUFFERED_BYTES,
        maxPacketBytes: config.MAX_PACKET_BYTES,
        drainMs: config.DRAIN_MS,
      },
      isHearing: () => hearing.isHearing,
      now: () => heard.now(),
      admit: (request) => admit(request, { sessions, settings, calls }),
      onOpen(connection, socket) {
        serveConnection(socket, connection, serving);
        void presence.opened(connection);
        livesOn(connection, { sessions, calls }).then(
          (isAlive) => isAlive || connection.close("sessionEnded"),
          () => connection.close("behind"),
        );
      },
      onClose(connection) {
        const call = callOf(connection);
        leaving.add(presence.closed(connection, call.calls));
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

/** Whether this process hears changes. While it does not, what its sockets are sent must not say that they know of now. */
function watchHearing(readiness: Pick<Readiness, "check">, heard: HeardThrough) {
  let release: (() => void) | null = null;
  return {
    get isHearing() {
      return release === null;
    },
    async look(): Promise<void> {
      const { checks } = await readiness.check();
      if (checks[`consumes ${SOCKETS_QUEUE}`] === false) release ??= heard.hold();
      else {
        release?.();
        release = null;
      }
    },
  };
}

/** Waits, when it is closed, for what was begun and not waited for. */
function settling(): Closable & { add(work: Promise<unknown>): void } {
  const underWay = new Set<Promise<unknown>>();
  return {
    add(work) {
      underWay.add(work);
      void work.finally(() => underWay.delete(work));
    },
    async close() {
      await Promise.allSettled(underWay);
    },
  };
}

async function refresh(presence: ReturnType<typeof presenceOver>, connections: readonly Connection[]): Promise<void> {
  for (let first = 0; first < connections.length; first += REFRESHED_TOGETHER) {
    await presence.refresh(connections.slice(first, first + REFRESHED_TOGETHER));
  }
}
