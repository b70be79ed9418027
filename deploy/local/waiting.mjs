import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until a probe says yes. `stillTrying` may throw to end the wait early, for instance because the process died.
 * @param {() => Promise<boolean>} probe
 * @param {{ timeoutMs: number, what: string, stillTrying?: () => void }} options
 */
export async function until(probe, { timeoutMs, what, stillTrying }) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await probe().catch(() => false)) return;
    stillTrying?.();
    if (Date.now() > deadline) throw new Error(`${what} was not ready within ${timeoutMs / 1000} s`);
    await delay(100);
  }
}

/**
 * Whether an HTTP address answers with a 2xx.
 * @param {string} url with user and password where the server wants them
 */
export async function answersHttp(url) {
  const { username, password, href } = splitCredentials(url);
  const headers =
    username === "" ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
  const response = await fetch(href, { headers, signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

/** fetch refuses credentials in an address. @param {string} url */
function splitCredentials(url) {
  const parsed = new URL(url);
  const { username, password } = parsed;
  parsed.username = "";
  parsed.password = "";
  return { username: decodeURIComponent(username), password: decodeURIComponent(password), href: parsed.href };
}

/**
 * Whether a server answers one line of text as expected.
 * @param {{ port: number, send: string, expected: string }} exchange
 * @returns {Promise<boolean>}
 */
export const answersText = ({ port, send, expected }) =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(send));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once("data", (bytes) => {
      resolve(bytes.toString().startsWith(expected));
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });

/**
 * Whether something listens on a port of the loopback.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export const acceptsConnections = (port) =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
