/** So many of these, evenly from the first to the last. */
export function evenly<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)]).flatMap(
    (item) => (item === undefined ? [] : [item]),
  );
}

/** How many of all there are if `found` of those looked at are: exact where all were. */
export const scaled = (found: number, lookedAt: number, count: number): number =>
  lookedAt === 0 ? 0 : Math.round((found * count) / lookedAt);
