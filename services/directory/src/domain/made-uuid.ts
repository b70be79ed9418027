import { createHash } from "node:crypto";

/** A UUID that follows from a text, so that whoever makes it again makes the same. */
export function madeUuid(text: string): string {
  const digest = createHash("sha256").update(text).digest();
  // A UUID of version 8: its bits are ours to choose.
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
