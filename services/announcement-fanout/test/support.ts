import { randomUUID } from "node:crypto";
import {
  compareUserIds,
  FindTimeZones,
  FindUnknownUsers,
  FindUsersKnownBefore,
  MatchUsers,
  OpenAnnouncement,
  partitionOf,
  type PayloadOf,
  type RecipientChunk,
  type ServiceName,
  StartAnnouncement,
  StoreRecipients,
} from "@strata/contracts";
import { type Broker, type Consumer, consumer, on, openBroker, reply } from "@strata/messaging";
import { createReadiness } from "@strata/runtime";
import { type Infra, startInProcess, testLogger } from "@strata/testing";
import { Registry } from "prom-client";
import { loadConfig } from "../src/config.ts";
import { start } from "../src/start.ts";
import { aCrowd, type Crowd } from "./crowd.ts";

export interface Peer extends Broker, AsyncDisposable {}

/** Another service's side of the real broker, in this process, with only the rows given. */
export async function openPeer(infra: Infra, service: ServiceName, rows: readonly Consumer[] = []): Promise<Peer> {
  const broker = await openBroker({
    url: infra.amqpUrl,
    service,
    log: testLogger(service),
    metrics: new Registry(),
    readiness: createReadiness(),
    orderedQueues: 2,
    catalogue: rows.flatMap((row) => row.handlers.map(({ contract }) => contract)),
  });
  const consuming = await broker.consume(rows);
  return Object.assign(broker, {
    async [Symbol.asyncDispose]() {
      await consuming.close();
      await broker.close();
    },
  });
}

/** A directory in which everybody exists but those whose ids begin with "nobody"; audiences are of the crowd. */
export const openDirectory = (infra: Infra, crowd: Crowd = aCrowd()): Promise<Peer> =>
  openPeer(infra, "directory", [
    consumer({
      queue: "directory.queries",
      handlers: [
        on(FindTimeZones, async ({ app, payload }) => reply(await crowd.ask(FindTimeZones, app, payload))),
        on(MatchUsers, async ({ app, payload }) => reply(await crowd.ask(MatchUsers, app, payload))),
        on(FindUsersKnownBefore, async ({ app, payload }) =>
          reply(await crowd.ask(FindUsersKnownBefore, app, payload)),
        ),
        on(FindUnknownUsers, async ({ payload }) =>
          reply({ unknown: payload.userIds.filter((userId) => userId.startsWith("nobody")) }),
        ),
      ],
    }),
  ]);

/** The service itself. It waits for the queue of push-delivery, so that peer is opened first. */
export async function startFanOut(infra: Infra) {
  const config = loadConfig({
    AMQP_URL: infra.amqpUrl,
    MONGO_URL: infra.mongoUrl("fanout"),
    METRICS_PORT: "0",
    ORDERED_QUEUES: "2",
    SWEEP_INTERVAL_MS: "200",
  });
  return startInProcess(start, { name: "announcement-fanout", config });
}

export const aContent = () => ({
  sender: { name: "Ops" },
  parts: [{ mimeType: "text/plain", body: "hello", encoding: null }],
  notification: { text: "hello" },
});

/** Recipients as the gateway cuts them: by partition, ascending, at most 1,000 a chunk. */
function chunksOf(userIds: readonly string[], size = 1_000): readonly RecipientChunk[] {
  return [...Map.groupBy(userIds, partitionOf)].flatMap(([partition, members]) => {
    const sorted = members.toSorted(compareUserIds);
    return Array.from({ length: Math.ceil(sorted.length / size) }, (_, chunk) => ({
      partition,
      chunk,
      userIds: sorted.slice(chunk * size, (chunk + 1) * size),
    }));
  });
}

/** Sends a long announcement as the gateway does; answers what the last step said. */
export async function announceToMany(
  gateway: Broker,
  app: string,
  userIds: readonly string[],
  {
    announcementId = randomUUID(),
    chunkSize = 1_000,
    terms = {},
  }: {
    readonly announcementId?: string;
    readonly chunkSize?: number;
    readonly terms?: Partial<PayloadOf<typeof OpenAnnouncement>>;
  } = {},
) {
  const content = aContent();
  const digest = "a".repeat(64);
  const opened = { announcementId, digest, recipientCount: userIds.length, ...content, ...terms };
  await gateway.request(OpenAnnouncement, app, opened);
  const chunks = chunksOf(userIds, chunkSize);
  for (const chunk of chunks) await gateway.send(StoreRecipients, app, { announcementId, chunks: [chunk] });
  const counts = [...Map.groupBy(chunks, ({ partition }) => partition)].map(([partition, rows]) => ({
    partition,
    count: rows.length,
  }));
  return gateway.request(StartAnnouncement, app, { announcementId, chunks: counts });
}
