import { createServer } from "node:net";
import { Advice } from "./say.mjs";

/** Where the ports of a checkout begin when STRATA_PORT_BASE is not set. */
const defaultPortBase = 7400;

/** What runs beside each other in one checkout: each kind has a hundred ports of its own. */
const offsets = { start: 0, test: 100, bench: 200, stack: 300 };

/**
 * The first port of one kind of run.
 * @param {keyof typeof offsets} kind
 * @param {NodeJS.ProcessEnv} env
 */
export function portBase(kind, env = process.env) {
  const text = env.STRATA_PORT_BASE ?? String(defaultPortBase);
  const base = Number(text);
  if (!Number.isInteger(base) || base < 1024 || base > 65_000) {
    throw new Advice(`STRATA_PORT_BASE is "${text}"; it must be a whole number from 1024 to 65000.`);
  }
  return base + offsets[kind];
}

/**
 * The ports of the stack and the services, all counted from one base.
 * @param {number} base
 */
export const portsFrom = (base) => ({
  gateway: base,
  command: base + 1,
  content: base + 4,
  realtime: base + 5,
  phone: base + 2,
  phoneControl: base + 3,
  amqp: base + 10,
  amqpManagement: base + 11,
  amqpPrometheus: base + 12,
  amqpDistribution: base + 13,
  epmd: base + 14,
  mongo: base + 15,
  redis: base + 16,
  metrics: base + 20,
});

/** @typedef {ReturnType<typeof portsFrom>} Ports */

/**
 * Whether nobody listens on a port of this machine's loopback.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
const isFree = (port) =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });

/**
 * Keeps a port for as long as this command lives, so that two checkouts that start on the same ports at the very same
 * moment do not both find them free.
 * @param {number} port
 * @returns {Promise<void>}
 */
export const holdPort = (port) =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => reject(busyPorts([port])));
    server.listen(port, "127.0.0.1", () => resolve());
    server.unref();
  });

/**
 * Stops before anything is started when somebody else has the ports: half a stack on foreign ports is hard to read.
 * @param {readonly number[]} ports
 */
export async function expectFree(ports) {
  const free = await Promise.all(ports.map(isFree));
  const busy = ports.filter((_, index) => !free[index]);
  if (busy.length === 0) return;
  throw busyPorts(busy);
}

/** @param {readonly number[]} busy */
const busyPorts = (busy) =>
  new Advice(
    `Port ${busy.join(", ")} on 127.0.0.1 is in use by something that this checkout did not start.\n` +
      `Choose another range of 400 ports, for example: STRATA_PORT_BASE=8400 (the default is ${defaultPortBase}).`,
  );
