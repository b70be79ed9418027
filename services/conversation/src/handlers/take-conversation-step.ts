import type { EmptyReply, PayloadOf, TakeConversationStep } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { findFollowed } from "../changed-conversations.ts";
import { followStep, type StepDeps } from "../conversation-steps.ts";
import { type ConversationRow, distinctNoLonger } from "../domain/conversation.ts";
import { afterStep, type DueStep, type Lifecycle, nextStep } from "../domain/lifecycle.ts";
import { removeConversation } from "../removed-conversations.ts";

/** How long a step is left to the command that took it, before it is looked after again. */
export const STEP_LEASE_MS = 8_000;

/**
 * Takes the step that is due: first the row, by which everything is decided, then what follows from it. The command that
 * took it does what is left when it comes again; any other that was made for it finds the schedule moved on.
 */
export const takeConversationStep =
  (deps: StepDeps) =>
  async (delivery: Delivery<PayloadOf<typeof TakeConversationStep>>): Promise<Outcome<EmptyReply>> => {
    const { app, id, payload } = delivery;
    const row = await findFollowed(deps)(app, payload.conversationId, delivery);
    if (!row?.lifecycle) return ack;
    if (row.deletedBy === id) await removeConversation(deps)(row, delivery);
    if (row.deletedAt !== undefined) return ack;
    const { lifecycle } = row;
    if (lifecycle.lastStep?.by === id) await followStep(deps)(row, delivery);
    else if (lifecycle.revision === payload.revision) await take(deps, row, lifecycle, delivery);
    return ack;
  };

async function take(
  deps: StepDeps,
  row: ConversationRow,
  lifecycle: Lifecycle,
  cause: Delivery<unknown>,
): Promise<void> {
  const now = deps.now();
  const due = nextStep(lifecycle, now);
  if (due === null || due.at > now) return;
  if (due.step === "delete") return removeConversation(deps)(row, cause);
  const after = stepped(row, lifecycle, { step: due.step, at: due.at }, { by: cause.id, now });
  await deps.conversations.changeLifecycle(row, after, now + STEP_LEASE_MS);
  await followStep(deps)(after, cause);
}

/** It opens, and warns, now, however late that is; it closed when it was to close, since nothing was taken from then on. */
function stepped(
  row: ConversationRow,
  lifecycle: Lifecycle,
  { step, at }: DueStep & { readonly step: "open" | "warn" | "close" },
  { by, now }: { readonly by: string; readonly now: number },
): ConversationRow {
  const version = row.version + 1;
  // Later than it was made, whatever the clock of another process says: by its time its memberships know that it has opened.
  const openedAt = Math.max(now, row.createdAt + 1);
  const when = { open: openedAt, warn: now, close: at }[step];
  const after = { ...row, version, lifecycle: afterStep(lifecycle, { step, at: when }, { by, version }) };
  if (step === "open") return { ...after, createdAt: openedAt };
  return step === "close" ? distinctNoLonger(after) : after;
}
