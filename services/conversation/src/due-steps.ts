import { type PayloadOf, TakeConversationStep } from "@strata/contracts";
import { type Closable, type Logger, workOffDue } from "@strata/runtime";
import type { ConversationRow } from "./domain/conversation.ts";
import { STEP_LEASE_MS } from "./handlers/take-conversation-step.ts";
import type { ConversationStore } from "./store/conversation-store.ts";

/** A broker, as far as it is asked for this one command. */
interface StepLane {
  request(
    command: typeof TakeConversationStep,
    app: string,
    payload: PayloadOf<typeof TakeConversationStep>,
    options: { readonly id: string; readonly timeoutMs: number },
  ): Promise<unknown>;
}

interface Deps {
  readonly conversations: Pick<ConversationStore, "claimStep" | "postponeStep">;
  readonly broker: StepLane;
  readonly log: Logger;
  readonly now: () => number;
}

/** Conversations that one process has take their steps at once. */
const WORKERS = 16;
/** Below the lease, so that whoever waits for an answer still holds the row. */
const REQUEST_TIMEOUT_MS = 5_000;
const RELEASE_MS = 1_000;

/**
 * Has conversations take the steps that are due, the longest due first, each through its own lane, where nothing else is
 * done to it meanwhile. Safe in every replica, since a row is claimed first, and a step that is asked for twice is taken
 * once: its command has a fixed id. The step itself says when the next is due.
 */
export const startDueSteps = ({ conversations, broker, log, now }: Deps, everyMs: number): Closable =>
  workOffDue({
    everyMs,
    workers: WORKERS,
    claim: () => conversations.claimStep(now(), STEP_LEASE_MS),
    async work(row) {
      const { id, revision } = commandOf(row);
      const payload = { conversationId: row.conversationId, revision };
      try {
        await broker.request(TakeConversationStep, row.app, payload, { id, timeoutMs: REQUEST_TIMEOUT_MS });
      } catch (error) {
        await conversations.postponeStep(row, now() + RELEASE_MS);
        throw error;
      }
    },
    log,
  });

/** The command that takes the next step; or the one that took the last, where something is left to do of that. */
function commandOf({ by, lifecycle }: ConversationRow) {
  const revision = lifecycle?.revision ?? 0;
  const { lastStep } = lifecycle ?? {};
  return { id: lastStep && !lastStep.isFollowed ? lastStep.by : `${by}.step.${revision}`, revision };
}
