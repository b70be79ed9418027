import { randomBytes } from "node:crypto";
import type { AnyContract, ServiceName } from "@strata/contracts";
import { type Broker, type Consumer, openBroker } from "@strata/messaging";
import { createReadiness, type Logger, silentLogger } from "@strata/runtime";
import { type Infra, type InProcessService, openInfra, startInProcess, type TcpProxy, tcpProxy } from "@strata/testing";
import { Registry } from "prom-client";
import { loadConfig } from "../src/config.ts";
import { startGateway } from "../src/start.ts";
import { conversationContracts, type ConversationPeer, conversationPeer } from "./peers/conversation.ts";
import { directoryContracts, type DirectoryPeer, directoryPeer } from "./peers/directory.ts";
import { fanoutContracts, type FanoutPeer, fanoutPeer } from "./peers/fanout.ts";
import { pushAway, pushContracts, type PushPeer, pushPeer } from "./peers/push.ts";
import { receiptsContracts, type ReceiptsPeer, receiptsPeer } from "./peers/receipts.ts";

/** The gateway on a real broker, with peers that speak the real protocol and keep what they are told in memory. */
export interface World extends AsyncDisposable {
  readonly infra: Infra;
  readonly baseUrl: string;
  readonly gateway: InProcessService;
  /** Between the gateway, and the gateway alone, and the broker. */
  readonly proxy: TcpProxy;
  readonly credentialsKey: Buffer;
  readonly nonceKey: Buffer;
  readonly directory: DirectoryPeer;
  readonly fanout: FanoutPeer;
  readonly receipts: ReceiptsPeer;
  readonly push: PushPeer;
  readonly conversation: ConversationPeer;
}

interface WorldOptions {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly log?: Logger;
  /** Push delivery is not there. */
  readonly isPushAway?: boolean;
}

/** What URLs in answers begin with; the gateway listens elsewhere. */
export const PUBLIC_URL = "https://api.example.com";
/** For tests in which nothing is away: a busy machine is no reason to answer 503. */
export const PATIENT = { REQUEST_DEADLINE_MS: "15000" } as const;
const ORDERED_QUEUES = 2;

export async function openWorld({ name, env = {}, log, isPushAway = false }: WorldOptions): Promise<World> {
  await using resources = new AsyncDisposableStack();
  const infra = resources.use(await openInfra(name));
  const openPeer = async (service: ServiceName, catalogue: readonly AnyContract[], rows: readonly Consumer[]) => {
    const peer = await openBroker({
      url: infra.amqpUrl,
      service,
      catalogue,
      log: silentLogger,
      metrics: new Registry(),
      readiness: createReadiness(),
      orderedQueues: ORDERED_QUEUES,
    });
    resources.defer(() => peer.close());
    const consuming = await peer.consume(rows);
    resources.defer(() => consuming.close());
    return peer;
  };

  let directoryBroker: Broker | undefined;
  const directory = directoryPeer(() => {
    if (!directoryBroker) throw new Error("the directory is not there");
    return directoryBroker;
  });
  const fanout = fanoutPeer();
  const receipts = receiptsPeer();
  const push = pushPeer();
  const conversation = conversationPeer();
  [directoryBroker] = await Promise.all([
    openPeer("directory", directoryContracts, directory.rows),
    openPeer("announcement-fanout", fanoutContracts, fanout.rows),
    openPeer("receipt-tracking", receiptsContracts, receipts.rows),
    isPushAway ? openPeer("push-delivery", ...pushAway) : openPeer("push-delivery", pushContracts, push.rows),
    openPeer("conversation", conversationContracts, conversation.rows),
  ]);

  const proxy = resources.use(await tcpProxy(infra.amqpUrl));
  const credentialsKey = randomBytes(32);
  const contentKey = randomBytes(32);
  const nonceKey = randomBytes(32);
  const config = loadConfig({
    AMQP_URL: proxy.url,
    HTTP_PORT: "0",
    PUBLIC_URL: `${PUBLIC_URL}/`,
    CREDENTIALS_KEY: credentialsKey.toString("base64"),
    CONTENT_KEY: contentKey.toString("base64"),
    NONCE_KEY: nonceKey.toString("base64"),
    CONTENT_URL: "http://127.0.0.1:9",
    REQUEST_DEADLINE_MS: "2000",
    ...env,
  });
  let port = 0;
  const gateway = await startInProcess(
    async (context) => {
      ({ port } = await startGateway(context));
    },
    { name: "gateway", config, ...(log ? { log } : {}) },
  );
  resources.use(gateway);

  const opened = resources.move();
  return {
    infra,
    baseUrl: `http://127.0.0.1:${port}`,
    gateway,
    proxy,
    credentialsKey,
    nonceKey,
    directory: directory.peer,
    fanout: fanout.peer,
    receipts: receipts.peer,
    push: push.peer,
    conversation: conversation.peer,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
