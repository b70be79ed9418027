// Which services there are, and the environment that each gets on one machine.
import { inRoot } from "./paths.mjs";
import { withDatabase } from "./stack/source.mjs";

/** In the order in which their metrics ports count up; a new one goes to the end, so that no port moves. */
export const serviceNames = /** @type {const} */ ([
  "directory",
  "announcement-fanout",
  "receipt-tracking",
  "push-delivery",
  "gateway",
  "conversation",
  "realtime",
  "integration",
]);

/** @typedef {(typeof serviceNames)[number]} ServiceName */
/**
 * @typedef {{
 *   ports: import("./ports.mjs").Ports, urls: import("./stack/source.mjs").StackUrls,
 *   accountToken: string, credentialsKey: string, contentKey: string, nonceKey: string, signingKey: string, phoneDir: string,
 * }} Surroundings
 */

/** @param {ServiceName | "phone"} name */
export const mainFile = (name) =>
  name === "phone" ? inRoot("deploy", "local", "phone", "src", "main.ts") : inRoot("services", name, "src", "main.ts");

/**
 * @param {ServiceName} name
 * @param {import("./ports.mjs").Ports} ports
 */
export const metricsPort = (name, ports) => ports.metrics + serviceNames.indexOf(name);

/** @param {import("./ports.mjs").Ports} ports */
export const gatewayUrl = (ports) => `http://127.0.0.1:${ports.gateway}`;

/** @param {import("./ports.mjs").Ports} ports */
export const socketUrl = (ports) => `ws://127.0.0.1:${ports.realtime}`;

/** @param {import("./ports.mjs").Ports} ports */
export const phoneUrl = (ports) => `http://127.0.0.1:${ports.phoneControl}`;

/** Where conversation takes and gives the bytes of content. @param {import("./ports.mjs").Ports} ports */
const contentUrl = (ports) => `http://127.0.0.1:${ports.content}`;

/** The certificate of the phone names localhost. @param {import("./ports.mjs").Ports} ports */
export const pushUrl = (ports) => `https://localhost:${ports.phone}`;

/** The phone is the only push service of browsers here. @param {import("./ports.mjs").Ports} ports */
const webPushHosts = (ports) => new URL(pushUrl(ports)).host;

/**
 * @param {ServiceName} name
 * @param {Surroundings} surroundings
 * @returns {Record<string, string>}
 */
export function serviceEnv(name, surroundings) {
  const { ports, urls } = surroundings;
  const common = {
    AMQP_URL: urls.AMQP_URL,
    // For this machine alone: webhooks may lead to local addresses here, and keys are none of anybody's.
    LISTEN_HOST: "127.0.0.1",
    METRICS_PORT: String(metricsPort(name, ports)),
    LOG_LEVEL: "info",
  };
  // The gateway has no credentials of any database, here as in production.
  if (name === "gateway") {
    const door = {
      HTTP_PORT: String(ports.gateway),
      PUBLIC_URL: gatewayUrl(ports),
      WEBPUSH_HOSTS: webPushHosts(ports),
    };
    const content = { CONTENT_KEY: surroundings.contentKey, CONTENT_URL: contentUrl(ports) };
    const keys = { CREDENTIALS_KEY: surroundings.credentialsKey, NONCE_KEY: surroundings.nonceKey };
    return { ...common, ...door, ...content, ...keys, ALLOW_LOCAL_WEBHOOKS: "true" };
  }
  const stores = {
    MONGO_URL: withDatabase(urls.MONGO_URL, `strata_${name.replaceAll("-", "_")}`),
    REDIS_URL: urls.REDIS_URL,
  };
  return { ...common, ...stores, ...ownEnv(name, surroundings) };
}

/**
 * @param {ServiceName} name
 * @param {Surroundings} surroundings
 * @returns {Record<string, string>}
 */
function ownEnv(name, { ports, accountToken, credentialsKey, contentKey, signingKey, phoneDir }) {
  if (name === "directory") return { BOOTSTRAP_ACCOUNT_TOKEN: accountToken };
  if (name === "conversation") return { CONTENT_PORT: String(ports.content), CONTENT_KEY: contentKey };
  if (name === "realtime") {
    return { SOCKET_PORT: String(ports.realtime), PUBLIC_URL: gatewayUrl(ports), CONTENT_KEY: contentKey };
  }
  if (name === "integration") return { SIGNING_KEY: signingKey, ALLOW_LOCAL_WEBHOOKS: "true" };
  if (name !== "push-delivery") return {};
  return {
    CREDENTIALS_KEY: credentialsKey,
    FCM_URL: pushUrl(ports),
    APNS_URL: pushUrl(ports),
    FCM_TOKEN_URL: `${pushUrl(ports)}/token`,
    WEBPUSH_HOSTS: webPushHosts(ports),
    PUSH_CA_FILE: `${phoneDir}/ca.pem`,
  };
}

/**
 * @param {import("./ports.mjs").Ports} ports
 * @param {string} phoneDir
 */
export const phoneEnv = (ports, phoneDir) => ({
  PHONE_PORT: String(ports.phone),
  PHONE_CONTROL_PORT: String(ports.phoneControl),
  PHONE_DATA_DIR: phoneDir,
});

/** Every port that the phone and the services listen on. @param {import("./ports.mjs").Ports} ports */
export const ownPorts = (ports) => [
  ports.gateway,
  ports.content,
  ports.realtime,
  ports.phone,
  ports.phoneControl,
  ...serviceNames.map((name) => metricsPort(name, ports)),
];
