import type { PushResult } from "./push-provider.ts";

/** What an answer says of the token that was sent to. */
type Word = "taken" | "malformed" | "gone";

const RECENT_WORDS = 200;
/** Of the latest words. */
const MANY_LATELY = 20;
/** Of one send's: a person may well have several phones that are gone. */
const MANY_AT_ONCE = { malformed: 3, gone: 10 } as const;
/**
 * From which share on it is not the tokens. A wrong environment, topic or project makes good tokens look malformed or foreign, and
 * few of them are; that an app was uninstalled is said for that reason alone, and people do leave.
 */
const SUSPICIOUS_SHARE = { malformed: 0.3, gone: 0.9 } as const;

/**
 * What a provider said lately of the tokens of one credential, and whether to believe it when it calls them bad. A token
 * is forgotten for good, so it is believed only of few among many: one mistake, ours or the provider's, would wipe an
 * app's token base.
 */
export class TokenTrust {
  /** The latest words; a ring. */
  readonly #recent: Word[] = [];
  #recentAt = 0;
  #hasTaken = false;
  readonly #words = new WeakMap<PushResult, Word>();

  /** The push was taken, so its token is good. */
  taken(providerId: string | null): PushResult {
    this.#hasTaken = true;
    return this.#noted("taken", { kind: "accepted", providerId });
  }

  /** The app is not there any more, since `deadSince` where the provider gave a time. */
  gone(reason: string, deadSince: Date | null): PushResult {
    return this.#noted("gone", { kind: "token-dead", reason, deadSince });
  }

  /** The provider called the token malformed or foreign; the credential's fault, when it did so of many lately. */
  malformed(reason: string): PushResult {
    const result = this.#noted("malformed", { kind: "token-dead", reason, deadSince: null });
    return this.#areManyLately("malformed") ? tooMany(reason) : result;
  }

  /** Notes that a token was called foreign where that says nothing against it, and says whether it is one of few. */
  isForeignCredible(): boolean {
    this.#note("malformed");
    return !this.#areManyLately("malformed");
  }

  /**
   * What one send was told, now that all of it is known. A token that is not believed to be bad is kept: its push waits
   * with its lane where that was closed for it, else it has failed.
   */
  review(results: readonly PushResult[]): readonly PushResult[] {
    const said = { taken: 0, malformed: 0, gone: 0 };
    for (const result of results) {
      const word = this.#words.get(result);
      if (word !== undefined) said[word] += 1;
    }
    const { taken, malformed, gone } = said;
    const areMany = {
      malformed: !this.#hasTaken || areTooMany(malformed, taken + malformed, MANY_AT_ONCE.malformed, "malformed"),
      gone: areTooMany(gone, taken + gone, MANY_AT_ONCE.gone, "gone") || this.#areManyLately("gone"),
    };
    const isHeld = this.#areManyLately("malformed");
    return results.map((result) => {
      const word = this.#words.get(result);
      if (result.kind !== "token-dead" || word === undefined || word === "taken") return result;
      if (word === "malformed" && isHeld) return tooMany(result.reason);
      return areMany[word] ? { kind: "rejected", reason: `${result.reason}: not believed, token kept` } : result;
    });
  }

  #noted(word: Word, result: PushResult): PushResult {
    this.#note(word);
    this.#words.set(result, word);
    return result;
  }

  #note(word: Word): void {
    this.#recent[this.#recentAt] = word;
    this.#recentAt = (this.#recentAt + 1) % RECENT_WORDS;
  }

  #areManyLately(word: "malformed" | "gone"): boolean {
    const many = this.#recent.filter((each) => each === word).length;
    return areTooMany(many, this.#recent.length, MANY_LATELY, word);
  }
}

const areTooMany = (bad: number, all: number, atLeast: number, word: "malformed" | "gone"): boolean =>
  bad >= atLeast && bad / all >= SUSPICIOUS_SHARE[word];

const tooMany = (reason: string): PushResult => ({
  kind: "credential-refused",
  reason: `${reason} for too many tokens: wrong environment, topic or project`,
});
