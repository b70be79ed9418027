import { availableParallelism, cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Works side by side at any time. Tests wait for the broker, the disk and each other's processes half of their time; with
 * more than two of them on two cores, what they wait for comes too late.
 */
const always = 2;
/** Others only begin while the processors have little to do: when what runs is waiting for a time to pass. */
const whenIdle = Math.ceil(availableParallelism() / 2);
const idleShare = 0.5;
const lookMs = 4_000;

/**
 * Does all of this, the first first, some of it side by side.
 * @param {readonly (() => Promise<unknown>)[]} works
 * @param {(signal: AbortSignal) => Promise<void>} [idle] waits until the processors have little to do, or for the signal
 */
export async function runInLanes(works, idle = untilIdle) {
  const queue = [...works];
  const isEmpty = new AbortController();
  const lane = async (mayBegin = async () => {}) => {
    for (;;) {
      await mayBegin();
      const work = queue.shift();
      if (work === undefined) return isEmpty.abort();
      await work();
    }
  };
  const lanes = Array.from({ length: always }, () => lane());
  // One after the other, so that each sees what the one before it has made of the processors.
  let before = Promise.resolve();
  const inTurn = () => (before = before.then(() => idle(isEmpty.signal)));
  const others = Array.from({ length: whenIdle }, () => lane(inTurn));
  await Promise.all([...lanes, ...others]);
}

/** @param {AbortSignal} signal */
async function untilIdle(signal) {
  while (!signal.aborted) {
    const from = processorTimes();
    await delay(lookMs, undefined, { signal }).catch(() => undefined);
    const to = processorTimes();
    if ((to.idle - from.idle) / (to.all - from.all) >= idleShare) return;
  }
}

function processorTimes() {
  const times = cpus().map((processor) => processor.times);
  const idle = times.reduce((sum, time) => sum + time.idle, 0);
  return { idle, all: idle + times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, 0) };
}
