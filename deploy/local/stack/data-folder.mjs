// Where the servers of a test run keep their data: in memory where the machine has enough. Tests wait for the disk at
// every confirmed write, and what they write is deleted anyway.
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, statfsSync, symlinkSync } from "node:fs";
import { freemem } from "node:os";
import { basename, dirname, join } from "node:path";
import { say } from "../say.mjs";

/** Some of the tests alone have filled 0.7 GB; a broker or a database that finds no room would fail tests that have done no harm. */
const roomBytes = 6_000_000_000;
/** Servers, services, tests and a browser need their own memory beside the data. */
const memoryBytes = roomBytes + 4_000_000_000;
/** What Linux calls a file system that is in memory (statfs). */
const tmpfs = 0x01021994;
const prefix = "strata-test-";

/** @typedef {{ type: number, bavail: number, bsize: number }} FileSystem */
/** @typedef {{ folder: string, freeMemory: () => number, fileSystem: (folder: string) => FileSystem }} Memory */
/** @type {Memory} */
const ofThisMachine = { folder: "/dev/shm", freeMemory: freemem, fileSystem: (folder) => statfsSync(folder) };

/**
 * Makes the data folder, as a link to one in memory where there is room. The link is how any later run finds what an
 * interrupted one left in memory.
 * @param {string} dataDir
 * @param {Memory} [memory]
 */
export function makeDataFolder(dataDir, memory = ofThisMachine) {
  mkdirSync(dirname(dataDir), { recursive: true });
  if (hasRoom(memory)) {
    symlinkSync(mkdtempSync(join(memory.folder, prefix)), dataDir);
    say("  the servers' data is in memory");
  } else {
    mkdirSync(dataDir);
  }
}

/**
 * Deletes the data folder, also what is in memory.
 * @param {string} dataDir
 */
export function deleteDataFolder(dataDir) {
  const target = linkTarget(dataDir);
  // Only what this file can have made: a link of somebody's own leads to somebody's own data.
  if (target !== undefined && basename(target).startsWith(prefix)) rmSync(target, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}

/** @param {Memory} memory */
function hasRoom({ folder, freeMemory, fileSystem }) {
  if (!existsSync(folder) || freeMemory() < memoryBytes) return false;
  const { type, bavail, bsize } = fileSystem(folder);
  return type === tmpfs && bavail * bsize >= roomBytes;
}

/** @param {string} path */
function linkTarget(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}
