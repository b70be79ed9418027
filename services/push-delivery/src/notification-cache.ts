import type { Notification } from "@strata/contracts";

/** One for each announcement or message under way, with room for some large lists of overrides. */
const MAX_WEIGHT = 200_000;
const weightOf = (notification: Notification | null): number =>
  100 + Object.keys(notification?.recipients ?? {}).length;

interface Entry {
  readonly asked: Promise<Notification | null>;
  readonly askedAt: number;
  weight: number;
}

/**
 * Keeps answers by their key for `freshMs`, and asks once for many who want one at the same time. The least recently
 * used are forgotten when there are too many; a failure is thrown to all who wait for it, and asked for again.
 */
export function notificationCache(freshMs: number) {
  // A Map keeps the order of insertion, so its first entry is the one that was used least recently.
  const kept = new Map<string, Entry>();
  let weight = 0;

  const drop = (key: string): void => {
    weight -= kept.get(key)?.weight ?? 0;
    kept.delete(key);
  };

  return async (key: string, ask: () => Promise<Notification | null>): Promise<Notification | null> => {
    const known = kept.get(key);
    if (known && Date.now() - known.askedAt < freshMs) {
      kept.delete(key);
      kept.set(key, known);
      return known.asked;
    }
    drop(key);
    const entry: Entry = { asked: ask(), askedAt: Date.now(), weight: 0 };
    kept.set(key, entry);
    try {
      const notification = await entry.asked;
      if (kept.get(key) === entry) {
        entry.weight = weightOf(notification);
        weight += entry.weight;
      }
      for (const oldest of kept.keys()) {
        if (weight <= MAX_WEIGHT) break;
        if (oldest !== key) drop(oldest);
      }
      return notification;
    } catch (error) {
      if (kept.get(key) === entry) drop(key);
      throw error;
    }
  };
}
