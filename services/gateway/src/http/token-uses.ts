import { type Grant, NO_APP, type PayloadOf, RecordTokenUses } from "@strata/contracts";
import { type Publisher, newTraceparent } from "@strata/messaging";
import { randomUUID } from "node:crypto";

type Use = PayloadOf<typeof RecordTokenUses>["uses"][number];

/** When tokens were used, kept until it is reported: the latest use of each, and of so many tokens at most. */
export interface TokenUses {
  note(grant: Pick<Grant, "accountId" | "tokenId">): void;
  /** Reports what was noted since the last time. What could not be is kept for the next. */
  report(): Promise<void>;
}

const MAX_TOKENS = 10_000;
const MAX_PER_REPORT = 1_000;
const REPORT_TIMEOUT_MS = 5_000;

export function tokenUses(broker: Pick<Publisher, "send">, now: () => number = Date.now): TokenUses {
  const uses = new Map<string, Use>();
  const keyOf = ({ accountId, tokenId }: Use): string => `${accountId}/${tokenId}`;
  const keep = (use: Use): void => {
    if (uses.size < MAX_TOKENS || uses.has(keyOf(use))) uses.set(keyOf(use), use);
  };
  const takeSome = (): Use[] => {
    const taken = [...uses.values()].slice(0, MAX_PER_REPORT);
    for (const use of taken) uses.delete(keyOf(use));
    return taken;
  };
  return {
    note: ({ accountId, tokenId }) => keep({ accountId, tokenId, at: now() }),
    async report() {
      for (let taken = takeSome(); taken.length > 0; taken = takeSome()) {
        const cause = { id: randomUUID(), traceparent: newTraceparent() };
        try {
          await broker.send(RecordTokenUses, NO_APP, { uses: taken }, { cause, timeoutMs: REPORT_TIMEOUT_MS });
        } catch (error) {
          for (const use of taken.filter((one) => !uses.has(keyOf(one)))) keep(use);
          throw error;
        }
      }
    },
  };
}
