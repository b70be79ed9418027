import type { PushCredential } from "@strata/contracts";
import type { Logger } from "@strata/runtime";
import { CHECK_TOKEN, type CheckResult, judgeCheck } from "./domain/credential-check.ts";
import { openProvider, type ProviderAddresses } from "./push-providers.ts";

export interface CredentialCheck {
  /** Asks the provider about a credential that is not in use yet. Never throws, and answers within its time. */
  check(credential: PushCredential): Promise<CheckResult>;
}

/** Below the time for which the gateway waits: its caller hears that the provider is slow, not that we are. */
const CHECK_WITHIN_MS = 10_000;
/** Below the prefetch of the admin queue: while a provider hangs, other commands go on past those that wait for it. */
const CHECKS_AT_ONCE = 50;

/**
 * Sends one push that no phone can get, through a client of its own. No lane hears of it, and a repeat does no harm. Past
 * `CHECKS_AT_ONCE` it does not ask: the provider hangs, and more would only wait for it too.
 */
export function credentialCheck(
  addresses: ProviderAddresses,
  log: Logger,
  withinMs = CHECK_WITHIN_MS,
): CredentialCheck {
  let underWay = 0;
  return {
    async check(credential) {
      const { kind } = credential;
      if (kind === "webpush") return { kind: "proved" };
      if (underWay >= CHECKS_AT_ONCE) return { kind: "unavailable", reason: "too many checks under way" };
      underWay += 1;
      const provider = openProvider(credential, addresses, log);
      const late = Promise.withResolvers<CheckResult>();
      const timer = setTimeout(late.resolve, withinMs, { kind: "unavailable", reason: "no answer in time" });
      try {
        const answer = provider.ask(aPushTo(CHECK_TOKEN[kind]), { isDryRun: true });
        return await Promise.race([late.promise, answer.then((said) => judgeCheck(kind, said))]);
      } finally {
        clearTimeout(timer);
        underWay -= 1;
        provider.close().catch((error: unknown) => log.warn("client of a check did not close", { error }));
      }
    },
  };
}

const aPushTo = (token: string) =>
  ({
    device: { token },
    notification: { text: "check" },
    collapseId: "strata-credential-check",
    ttlSeconds: 0,
    priority: "normal",
    data: {},
  }) as const;
