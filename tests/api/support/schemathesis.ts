import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const requirements = fileURLToPath(new URL("../requirements.txt", import.meta.url));
/** Where our own part of it is. */
const support = fileURLToPath(new URL(".", import.meta.url));
const tools = fileURLToPath(new URL("../../../.strata/tools", import.meta.url));

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end; bounded in time, for it may hang on what it tests. */
function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly timeoutMs: number },
): Promise<Finished> {
  const { promise, resolve, reject } = Promise.withResolvers<Finished>();
  const { cwd, env, timeoutMs } = options;
  const child = spawn(program, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    timeout: timeoutMs,
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.once("error", reject);
  child.once("close", (code) => resolve({ code, output: Buffer.concat(chunks).toString() }));
  return promise;
}

/** Where the pinned Schemathesis lies, installed by pip unless an earlier run did. */
async function installed(): Promise<string> {
  const version = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const folder = join(tools, `schemathesis-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(tools, { recursive: true });
  const target = mkdtempSync(`${folder}-`);
  const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
  const { code, output } = await run("python3", [...args, "--target", target, "--requirement", requirements], {
    timeoutMs: 240_000,
  });
  if (code !== 0) {
    rmSync(target, { recursive: true, force: true });
    throw new Error(`pip could not install Schemathesis (Debian and Ubuntu: apt-get install python3-pip).\n${output}`);
  }
  // Last, so that an installation that broke off is never taken for a whole one.
  renameSync(target, folder);
  return folder;
}

export interface FuzzOptions {
  readonly baseUrl: string;
  readonly token: string;
  /** Which operations: Schemathesis' own filters. */
  readonly scope: readonly string[];
  /** Values of path parameters that exist: without them all that is tested is the answer 404. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly maxSeconds: number;
}

/**
 * Sends requests made from /openapi.json, good ones and bad ones, and holds each answer against the same document: no
 * 5xx, no status that is not named, no header or body that does not fit. The same seed, so the same requests, each time.
 */
export async function fuzz({ baseUrl, token, scope, parameters, maxSeconds }: FuzzOptions): Promise<Finished> {
  const folder = await installed();
  const cwd = mkdtempSync(join(tmpdir(), "strata-schemathesis-"));
  try {
    const lines = Object.entries(parameters).map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}`);
    writeFileSync(join(cwd, "schemathesis.toml"), ["[parameters]", ...lines, ""].join("\n"));
    const checks = [
      "not_a_server_error",
      "status_code_conformance",
      "content_type_conformance",
      "response_headers_conformance",
      "response_schema_conformance",
    ];
    const args = ["run", `${baseUrl}/openapi.json`, "--url", baseUrl, "--header", `Authorization: Bearer ${token}`];
    const bounds = ["--max-time", String(maxSeconds), "--max-examples", "15", "--seed", "1", "--continue-on-failure"];
    const program = join(folder, "bin", "schemathesis");
    const work = ["--checks", checks.join(","), "--phases", "examples,coverage,fuzzing"];
    return await run(program, [...args, ...scope, ...work, ...bounds], {
      cwd,
      env: { PYTHONPATH: `${folder}:${support}`, PYTHONDONTWRITEBYTECODE: "1", SCHEMATHESIS_HOOKS: "ndjson_bodies" },
      timeoutMs: (maxSeconds + 60) * 1_000,
    });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
