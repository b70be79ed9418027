import { type AskAbout, boundedCache, type RateLimit } from "@strata/doors";

/** Asks about the tokens that come from one address. */
export interface Newcomers {
  /**
   * Answers what is asked. Unless the token was good within the hour, one of the address's requests is held meanwhile: so
   * whoever invents tokens is refused without anybody being asked, and whoever has a good one loses nothing by it.
   * @throws LayerError 429 `rate_limit_exceeded`
   */
  from(address: string): AskAbout;
}

/** Forgotten, a good token is a newcomer again, which matters where its address has used up what it may do. */
const MAX_FAMILIAR = 50_000;
const FAMILIAR_MS = 3_600_000;

export function newcomers(rates: Pick<RateLimit, "take" | "giveBack">, now: () => number = Date.now): Newcomers {
  const familiar = boundedCache<true>({ maxEntries: MAX_FAMILIAR, ttlMs: FAMILIAR_MS, now });
  return {
    from: (address) => async (hash, ask) => {
      const isFamiliar = familiar.get(hash) ?? false;
      if (!isFamiliar) rates.take(address);
      try {
        const answer = await ask();
        if (answer === null) familiar.delete(hash);
        else familiar.set(hash, true);
        return answer;
      } finally {
        // What is none costs its address one by who asked, as one does that was known to be none.
        if (!isFamiliar) rates.giveBack(address);
      }
    },
  };
}
