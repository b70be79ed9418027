// One running command of a kind per checkout, also when two begin at the very same moment.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive, readRecord, writeRecord } from "./processes.mjs";

const rounds = 100;

/**
 * Makes this process the one that `record` names, unless another that lives is it already, or is about to be.
 *
 * Everybody first writes down that he wants it, then looks for others: of two, the one who looks later sees the other.
 * Where both see each other both step back and try again after a moment of their own. What a killed process left behind
 * names a process that is no more, and counts for nothing.
 * @param {string} record
 * @returns {Promise<import("./processes.mjs").ProcessRecord | undefined>} who has it instead
 */
export async function claim(record) {
  const wanting = `${record}.wanted`;
  const mine = join(wanting, String(process.pid));
  /** @type {import("./processes.mjs").ProcessRecord | undefined} */
  let rival;
  for (let round = 0; round < rounds; round += 1) {
    writeRecord(mine, process.pid);
    rival = othersIn(wanting);
    // Read after the others' wishes: who got it withdraws his wish only when this record names him.
    const holder = readRecord(record);
    const isHeld = isAlive(holder);
    if (!isHeld && rival === undefined) writeRecord(record, process.pid);
    rmSync(mine, { force: true });
    if (isHeld) return holder;
    if (rival === undefined) return undefined;
    await delay(20 + Math.random() * 200);
  }
  return rival;
}

/** @param {string} folder */
function othersIn(folder) {
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .filter((name) => name !== String(process.pid))
    .map((name) => readRecord(join(folder, name)))
    .find(isAlive);
}
