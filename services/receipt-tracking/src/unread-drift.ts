import type { Counter } from "prom-client";
import type { Reader } from "./store/unread-store.ts";
import { countAnnouncements, type UnreadDeps } from "./unread.ts";

interface Deps extends UnreadDeps {
  readonly drift: Counter<"result">;
}

/** Counts made per look: a few, for each costs a walk through an inbox. */
const LOOKS = 20;

/**
 * Compares some of the kept counts with what they are copies of. One that differs may only be ahead of or behind an event
 * on its way; one that still does at the next look, with nothing changed in it, has drifted: it is counted and dropped.
 */
export function unreadDrift(deps: Deps): () => Promise<void> {
  const { unread, drift } = deps;
  let cursor = "0";
  let suspects: readonly (Reader & { readonly count: number })[] = [];
  return async () => {
    const next: (Reader & { readonly count: number })[] = [];
    const again = suspects;
    suspects = [];
    for (const { count, ...reader } of again) {
      if ((await unread.peek(reader)) !== count || (await difference(deps, reader)) === null) continue;
      drift.inc({ result: "different" });
      await unread.drop([reader]);
    }
    const sample = await unread.sample(cursor);
    cursor = sample.next;
    for (const reader of sample.readers.slice(0, LOOKS)) {
      const count = await difference(deps, reader);
      if (count !== null) next.push({ ...reader, count });
      else drift.inc({ result: "equal" });
    }
    suspects = next;
  };
}

/** The kept count where it is not what is counted now, and did not change meanwhile; else null. */
async function difference(deps: Deps, reader: Reader): Promise<number | null> {
  const before = await deps.unread.peek(reader);
  if (before === null) return null;
  const counted = await countAnnouncements(deps, reader);
  const after = await deps.unread.peek(reader);
  return before === after && counted.unread.length !== before ? before : null;
}
