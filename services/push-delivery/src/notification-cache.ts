import type { Notification, PersonalTerms } from "@strata/contracts";

/** What an announcement or a message has pushed, and what makes that another thing for each recipient. */
export interface Pushed extends PersonalTerms {
  readonly notification: Notification;
  /** What policies ask about it, as far as who was asked what it says knows. */
  readonly category?: string | null;
  readonly isUrgent?: boolean;
  readonly senderId?: string | null;
}

/** One for each announcement or message under way, with room for some large lists of overrides. */
const MAX_WEIGHT = 200_000;
const weightOf = (pushed: Pushed | null): number => {
  if (pushed === null) return 100;
  const notifications = [pushed.notification, ...(pushed.variants ?? []).map(({ notification }) => notification)];
  return notifications.reduce((weight, one) => weight + 100 + Object.keys(one?.recipients ?? {}).length, 0);
};

interface Entry {
  readonly asked: Promise<Pushed | null>;
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

  return async (key: string, ask: () => Promise<Pushed | null>): Promise<Pushed | null> => {
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
      const pushed = await entry.asked;
      if (kept.get(key) === entry) {
        entry.weight = weightOf(pushed);
        weight += entry.weight;
      }
      for (const oldest of kept.keys()) {
        if (weight <= MAX_WEIGHT) break;
        if (oldest !== key) drop(oldest);
      }
      return pushed;
    } catch (error) {
      if (kept.get(key) === entry) drop(key);
      throw error;
    }
  };
}
