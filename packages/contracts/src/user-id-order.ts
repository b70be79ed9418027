/** Below this code unit, UTF-16 order and UTF-8 order are the same; from here on surrogates lie out of place. */
const FIRST_SURROGATE = 0xd800;

/**
 * The one order of user ids: ascending by UTF-8 bytes, as MongoDB orders strings. JavaScript's `<` compares UTF-16 code
 * units, which puts an emoji before U+E000..U+FFFF; two streams sorted by different rules cannot be merged. Negative
 * when `a` comes first, positive when `b` does, 0 when equal. Use it wherever ids are sorted, merged or paged.
 */
export function compareUserIds(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const difference = a.charCodeAt(index) - b.charCodeAt(index);
    if (difference === 0) continue;
    const smaller = Math.min(a.charCodeAt(index), b.charCodeAt(index));
    return smaller < FIRST_SURROGATE ? difference : Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  return a.length - b.length;
}
