import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inRoot } from "./paths.mjs";
import { runQuietly } from "./processes.mjs";

/**
 * A key of 32 bytes: the one that encrypts push credentials at rest, the one that signs content URLs, and the one that signs nonces. Made once: with
 * another one the stored credentials cannot be read, and no URL works that was given out.
 * @param {string} file
 */
export function credentialsKey(file) {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    const key = randomBytes(32).toString("base64");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    return key;
  }
}

/**
 * A token of the operator's account.
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 */
export async function newAccountToken({ node, env }) {
  const { code, stdout, output } = await runQuietly(node, [inRoot("deploy", "local", "new-token.ts")], { env });
  if (code !== 0) throw new Error(`No account token could be made: ${output}`);
  return stdout;
}
