import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { acceptsConnections, answersHttp } from "../waiting.mjs";

/** Only this machine's loopback reaches the broker, so the password keeps nothing secret. */
const credentials = "strata:strata";

/** Shared with the container in deploy/compose.yaml. */
const enabledPlugins = join(dirname(fileURLToPath(import.meta.url)), "enabled_plugins");

/**
 * Erlang's name server for this node alone. Left to itself the broker would start one on the machine's usual port and
 * leave it running.
 * @type {(place: import("./servers.mjs").Place) => import("./servers.mjs").ServerProgram}
 */
export const epmd = ({ ports, binaries }) => ({
  name: "epmd",
  command: binaries.epmd,
  args: ["-address", "127.0.0.1", "-port", String(ports.epmd)],
  env: process.env,
  isReady: () => acceptsConnections(ports.epmd),
  readyWithinMs: 10_000,
});

/**
 * A broker node of our own: its name, cookie, ports, plugins, configuration and data have nothing in common with a
 * broker that the machine may run already.
 * @type {(place: import("./servers.mjs").Place) => import("./servers.mjs").ServerProgram}
 */
export const rabbitmq = ({ ports, dataDir, binaries, isForTests }) => {
  const home = join(dataDir, "rabbitmq");
  const url = `http://${credentials}@127.0.0.1:${ports.amqpManagement}`;
  return {
    name: "rabbitmq",
    command: binaries.rabbitmq,
    args: [],
    env: brokerEnvironment(home, ports),
    prepare: () => writeConfiguration(home, ports, isForTests),
    isReady: () => answersHttp(`${url}/api/health/checks/port-listener/${ports.amqp}`),
    readyWithinMs: 120_000,
  };
};

/** @param {import("../ports.mjs").Ports} ports */
export const rabbitmqUrls = (ports) => ({
  AMQP_URL: `amqp://${credentials}@127.0.0.1:${ports.amqp}`,
  AMQP_MANAGEMENT_URL: `http://${credentials}@127.0.0.1:${ports.amqpManagement}`,
});

/**
 * @param {string} home
 * @param {import("../ports.mjs").Ports} ports
 * @param {boolean} isForTests
 */
function writeConfiguration(home, ports, isForTests) {
  mkdirSync(join(home, "conf.d"), { recursive: true });
  // A quorum queue reports its depth once per tick (5 s by default), which every exact depth in a test waits for. The
  // setting has no name in rabbitmq.conf. The queues of one deployment at this pace, and statistics every second, take 15 %
  // of a core; as they are otherwise, 2 %.
  const ticks = isForTests ? "{quorum_tick_interval, 250}" : "";
  writeFileSync(join(home, "advanced.config"), `[{rabbit, [${ticks}]}].\n`);
  writeFileSync(join(home, "rabbitmq.conf"), configuration(home, ports, isForTests));
}

/**
 * @param {string} home
 * @param {import("../ports.mjs").Ports} ports
 * @param {boolean} isForTests
 */
function configuration(home, ports, isForTests) {
  const [user, password] = credentials.split(":");
  return [
    `default_user = ${user}`,
    `default_pass = ${password}`,
    `management.tcp.ip = 127.0.0.1`,
    `management.tcp.port = ${ports.amqpManagement}`,
    `prometheus.tcp.ip = 127.0.0.1`,
    `prometheus.tcp.port = ${ports.amqpPrometheus}`,
    // The default of 50 MB lets a test run fill the disk; on a nearly full disk 1 GB would block every publisher at once.
    `disk_free_limit.absolute = ${freeBytes(home) > 2_000_000_000 ? "1GB" : "50MB"}`,
    // Statistics of connections, channels and consumers in the management API are about a second old then.
    ...(isForTests ? [`collect_statistics_interval = 1000`] : []),
    "",
  ].join("\n");
}

/** @param {string} folder */
function freeBytes(folder) {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/**
 * Every place the broker would otherwise look at below /etc or /var is named, and the variables of the machine's own
 * broker are left behind.
 * @param {string} home
 * @param {import("../ports.mjs").Ports} ports
 */
function brokerEnvironment(home, ports) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RABBITMQ_|ERL_|ERLANG_)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    // A name with an address needs no name resolution, which a bare chroot or container does not have. It is the same on
    // any ports, because the data belongs to the name; the name server of its own keeps two nodes apart.
    RABBITMQ_NODENAME: "strata@127.0.0.1",
    RABBITMQ_USE_LONGNAME: "true",
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(ports.amqp),
    RABBITMQ_DIST_PORT: String(ports.amqpDistribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    RABBITMQ_MNESIA_BASE: join(home, "mnesia"),
    RABBITMQ_LOG_BASE: join(home, "log"),
    RABBITMQ_ENABLED_PLUGINS_FILE: enabledPlugins,
    RABBITMQ_CONFIG_FILE: join(home, "rabbitmq.conf"),
    RABBITMQ_CONFIG_FILES: join(home, "conf.d"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(home, "advanced.config"),
    RABBITMQ_CONF_ENV_FILE: join(home, "rabbitmq-env.conf"),
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
  };
}
