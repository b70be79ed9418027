// .strata/dev.json: where everything is and how to get in. `npm start` writes it, the seed adds the app and its token,
// `npm run strata` and tests of other programs read it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inStrata } from "./paths.mjs";

export const devJsonFile = inStrata("dev.json");

/**
 * @typedef {{
 *   baseUrl: string, websocketUrl: string | null, consoleUrl: string | null,
 *   appId: string | null, token: string | null, accountToken: string,
 *   identityProvider: { providerId: string, keyId: string, privateKey: string } | null,
 *   mongoUrl: string, amqpUrl: string, redisUrl: string, push: { fcmUrl: string, apnsUrl: string },
 *   services: Record<string, { pid: number, port: number, metricsUrl: string }[]>,
 * }} DevJson
 */

/** What only the seed knows; a start keeps it. */
const unseeded = { appId: null, token: null, identityProvider: null };

/** @returns {Partial<DevJson>} */
export function readDevJson(file = devJsonFile) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

/**
 * What the file holds after a change: what the change does not name stays as it was.
 * @param {Partial<DevJson>} before
 * @param {Partial<DevJson>} change
 * @returns {Partial<DevJson>}
 */
const mergeDevJson = (before, change) => ({ ...unseeded, ...before, ...change });

/**
 * Read, change and replace in one go: the seed writes to the same file, and a reader never sees half of it.
 * @param {(before: Partial<DevJson>) => Partial<DevJson>} change
 */
export function updateDevJson(change, file = devJsonFile) {
  const before = readDevJson(file);
  const written = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  // It holds tokens and keys, so only its owner may read it.
  writeFileSync(written, `${JSON.stringify(mergeDevJson(before, change(before)), null, 2)}\n`, { mode: 0o600 });
  renameSync(written, file);
}
