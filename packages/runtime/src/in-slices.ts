import { setImmediate as nextTurn } from "node:timers/promises";

/** How long the event loop is kept at a time: other requests wait no longer than this for their turn. */
const SLICE_MS = 10;

/** Collects what takes long to make, giving the event loop its turns in between. */
export async function collectInSlices<T>(items: Iterable<T>): Promise<T[]> {
  const collected: T[] = [];
  let sliceEndsAt = performance.now() + SLICE_MS;
  for (const item of items) {
    collected.push(item);
    if (performance.now() < sliceEndsAt) continue;
    await nextTurn();
    sliceEndsAt = performance.now() + SLICE_MS;
  }
  return collected;
}

/** The first that is found, or null; the event loop has its turns in between. */
export async function findInSlices<T, Found extends T>(
  items: Iterable<T>,
  isFound: (item: T) => item is Found,
): Promise<Found | null> {
  let sliceEndsAt = performance.now() + SLICE_MS;
  for (const item of items) {
    if (isFound(item)) return item;
    if (performance.now() < sliceEndsAt) continue;
    await nextTurn();
    sliceEndsAt = performance.now() + SLICE_MS;
  }
  return null;
}
