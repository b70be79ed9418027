import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BROKER_SCRIPTS = "/usr/lib/rabbitmq/bin";

/** A RabbitMQ node of a test's own, which it may stop and starve. */
export interface OwnBroker extends AsyncDisposable {
  readonly url: string;
  start(): Promise<void>;
  /** Ends the node in an orderly way; its data stay. */
  stop(): Promise<void>;
  /** Raises an alarm, or calls it off: while it lasts, the broker takes nothing from publishers. */
  setAlarm(resource: "memory" | "disk", isOn: boolean): Promise<void>;
}

/** What deploy/local/stack offers for its servers; JavaScript without types, so that Node 20 can run it. */
interface ServersModule {
  startServers(place: Place, names: readonly string[]): Promise<void>;
  stopServers(
    dataDir: string,
    options: { readonly names: readonly string[]; readonly graceMs?: number },
  ): Promise<void>;
  serverUrls(ports: Place["ports"]): { readonly AMQP_URL: string };
}
interface Place {
  readonly dataDir: string;
  readonly ports: Readonly<Record<"amqp" | "amqpManagement" | "amqpPrometheus" | "amqpDistribution" | "epmd", number>>;
  readonly binaries: { readonly rabbitmq: string; readonly epmd: string };
}

/** Whether this machine has a RabbitMQ of which a second node can be started. */
export const canStartBroker = existsSync(join(BROKER_SCRIPTS, "rabbitmq-server"));

export async function startOwnBroker(): Promise<OwnBroker> {
  const module = new URL("../../../deploy/local/stack/servers.mjs", import.meta.url).href;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JavaScript without types
  const servers = (await import(module)) as ServersModule;
  const dataDir = await mkdtemp(join(tmpdir(), "strata-broker-"));
  const [amqp, amqpManagement, amqpPrometheus, amqpDistribution, epmd] = await freePorts();
  const ports = { amqp, amqpManagement, amqpPrometheus, amqpDistribution, epmd };
  const binaries = { rabbitmq: join(BROKER_SCRIPTS, "rabbitmq-server"), epmd: "epmd" };
  const start = () => servers.startServers({ dataDir, ports, binaries }, ["epmd", "rabbitmq"]);
  const stop = (graceMs = 30_000) => servers.stopServers(dataDir, { names: ["rabbitmq"], graceMs });

  const control = async (...args: readonly string[]): Promise<void> => {
    const node = "strata@127.0.0.1";
    const child = spawn(join(BROKER_SCRIPTS, "rabbitmqctl"), ["--longnames", "--node", node, ...args], {
      // The node's cookie is in its home; its name server is not the machine's.
      env: { PATH: process.env["PATH"], HOME: join(dataDir, "rabbitmq"), ERL_EPMD_PORT: String(epmd) },
      stdio: "ignore",
    });
    const [code] = await once(child, "exit");
    if (code !== 0) throw new Error(`rabbitmqctl ${args.join(" ")} exited with ${String(code)}`);
  };

  await start();
  return {
    url: servers.serverUrls(ports).AMQP_URL,
    start,
    stop: () => stop(),
    setAlarm: (resource, isOn) =>
      resource === "memory"
        ? control("set_vm_memory_high_watermark", isOn ? "0.000001" : "0.4")
        : control("set_disk_free_limit", isOn ? "1000000GB" : "50MB"),
    async [Symbol.asyncDispose]() {
      // Its data are about to go: an orderly end would only take time.
      await stop(0);
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

type Ports = readonly [number, number, number, number, number];

const freePorts = async (): Promise<Ports> => [
  await freePort(),
  await freePort(),
  await freePort(),
  await freePort(),
  await freePort(),
];

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  const closed = once(probe, "close");
  probe.close();
  await closed;
  return typeof address === "object" && address ? address.port : 0;
}
