import {
  CancelConversationSchedule,
  ChangeConversationSchedule,
  type ConversationLifecycle,
  type ConversationTerms,
  type PlannedStep,
} from "@strata/contracts";
import { ack, on, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ConversationPeer, refusalOf } from "./conversation-rows.ts";

/** What was asked for, as steps to come: whoever has nothing that opens later is open. */
export function lifecycleOf(terms: Pick<ConversationTerms, "opensAt" | "closing">): ConversationLifecycle {
  const { opensAt, closing } = terms;
  const steps: PlannedStep[] = [];
  if (opensAt !== null) steps.push({ step: "open", state: "pending", at: opensAt });
  if (closing && "expiresAt" in closing) steps.push({ step: "close", state: "pending", at: closing.expiresAt });
  return { state: opensAt === null ? "open" : "scheduled", steps };
}

/** Keeps what was asked for; of what has opened the opening cannot be changed. */
export const scheduleCommands = (peer: ConversationPeer) => [
  on(ChangeConversationSchedule, async ({ app, payload }) => {
    const key = `${app}/${payload.conversationId}`;
    const row = peer.conversations.get(key);
    const refusal = refusalOf(row, null);
    if (row === undefined || refusal) return refuse(refusal ?? new DomainError("not_found"));
    const isOpen = row.lifecycle?.state !== "scheduled";
    if (isOpen && payload.change.opensAt !== undefined) return reply({ outcome: "wrong-state", conversation: row });
    peer.scheduleChanges.push(payload);
    const { opensAt = null, closing = null } = payload.change;
    const changed = { ...row, lifecycle: lifecycleOf({ opensAt, closing }) };
    peer.conversations.set(key, changed);
    return reply({ outcome: "done", conversation: changed });
  }),
  on(CancelConversationSchedule, async ({ app, payload }) => {
    const row = peer.conversations.get(`${app}/${payload.conversationId}`);
    const refusal = refusalOf(row, null);
    if (row === undefined || refusal) return refuse(refusal ?? new DomainError("not_found"));
    if (row.lifecycle?.state === "scheduled") row.isDeleted = true;
    return ack;
  }),
];
