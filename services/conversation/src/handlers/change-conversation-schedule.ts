import {
  type CancelConversationSchedule,
  type ChangeConversationSchedule,
  ConversationScheduleCanceled,
  type EmptyReply,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { ack, type Delivery, type Outcome, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { findFollowed } from "../changed-conversations.ts";
import { type StepDeps, tellSchedule } from "../conversation-steps.ts";
import { present } from "../domain/access.ts";
import { conversationOf, type ConversationRow } from "../domain/conversation.ts";
import { isUnopened, nextStep } from "../domain/lifecycle.ts";
import { cancelSchedule, changeSchedule } from "../domain/schedule-change.ts";
import { removeConversation } from "../removed-conversations.ts";

type Changing = Delivery<PayloadOf<typeof ChangeConversationSchedule>>;
type Canceling = Delivery<PayloadOf<typeof CancelConversationSchedule>>;

/** Changes steps before they happen. The command that did it last says so again when it comes again. */
export const changeConversationSchedule =
  (deps: StepDeps) =>
  async (delivery: Changing): Promise<Outcome<ReplyOf<typeof ChangeConversationSchedule>>> => {
    const { payload } = delivery;
    const row = await find(deps, delivery);
    const now = deps.now();
    const isAgain = row.lifecycle?.setBy === delivery.id && row.lifecycle.revision > 0;
    const after = isAgain ? row : changeSchedule(row, payload.change, { by: delivery.id, now });
    if (after === null) return reply({ outcome: "wrong-state", conversation: conversationOf(row) });
    if (!isAgain) await store(deps, row, after);
    await tellSchedule(deps)(after, delivery);
    return reply({ outcome: "done", conversation: conversationOf(after) });
  };

/** One that has not opened goes with its schedule; any other stays as it is. */
export const cancelConversationSchedule =
  (deps: StepDeps) =>
  async (delivery: Canceling): Promise<Outcome<EmptyReply>> => {
    const { app, id } = delivery;
    const found = await findFollowed(deps)(app, delivery.payload.conversationId, delivery);
    if (found?.deletedBy === id || (found?.deletedAt === undefined && found && isUnopened(found))) {
      await removeConversation(deps)(found, delivery);
      return ack;
    }
    const row = await find(deps, delivery);
    const isAgain = row.lifecycle?.setBy === id && row.lifecycle.canceledAt !== null;
    const after = isAgain ? row : cancelSchedule(row, { by: id, now: deps.now() });
    if (!after?.lifecycle) return ack;
    if (!isAgain) await store(deps, row, after);
    const { conversationId, lifecycle, version } = after;
    const canceled = { conversationId, state: lifecycle.state, at: lifecycle.canceledAt ?? deps.now() };
    const about = { id: `${id}.schedule-canceled`, cause: delivery, subjectVersion: version };
    await deps.publisher.emit(ConversationScheduleCanceled, app, canceled, about);
    return ack;
  };

async function find(deps: StepDeps, delivery: Changing | Canceling): Promise<ConversationRow> {
  const { conversationId } = delivery.payload;
  const row = present(conversationId, await findFollowed(deps)(delivery.app, conversationId, delivery), null);
  if (row instanceof DomainError) throw row;
  return row;
}

function store({ conversations, now }: StepDeps, before: ConversationRow, after: ConversationRow): Promise<void> {
  const dueAt = after.lifecycle ? (nextStep(after.lifecycle, now())?.at ?? null) : null;
  return conversations.changeLifecycle(before, after, dueAt);
}
