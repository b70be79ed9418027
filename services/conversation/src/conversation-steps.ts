import {
  ConversationClosed,
  ConversationCreated,
  ConversationOpened,
  ConversationScheduleChanged,
  ConversationWarned,
} from "@strata/contracts";
import type { Delivery } from "@strata/messaging";
import type { ConversationRow } from "./domain/conversation.ts";
import { closingOf, nextStep, stepsToCome } from "./domain/lifecycle.ts";
import { type RemovalDeps } from "./removed-conversations.ts";
import { sendSystemMessages } from "./system-messages.ts";
import type { SendingDeps } from "./handlers/send-message.ts";
import { showInvites } from "./invited-users.ts";
import type { InviteStore } from "./store/invite-store.ts";
import type { MessageStore } from "./store/message-store.ts";

export interface StepDeps extends SendingDeps, RemovalDeps {
  readonly messages: MessageStore;
  readonly invites: InviteStore;
}

type Cause = Pick<Delivery<unknown>, "id" | "traceparent">;

/** What follows from the last step that a conversation took, from the row alone; then the next one is due. */
export const followStep =
  (deps: StepDeps) =>
  async (row: ConversationRow, cause: Cause): Promise<void> => {
    const { lifecycle } = row;
    if (!lifecycle?.lastStep || lifecycle.lastStep.isFollowed) return;
    const follow = { open: followOpening, warn: followWarning, close: followClosing }[lifecycle.lastStep.step];
    await follow(deps, row, cause);
    await deps.conversations.markStepFollowed(row, nextStep(lifecycle, deps.now())?.at ?? null);
  };

const about = ({ lifecycle, version }: ConversationRow, name: string, cause: Cause) => {
  const { by, version: then } = lifecycle?.lastStep ?? { by: cause.id, version };
  return { id: `${by}.${name}`, cause, subjectVersion: then };
};

/** It is in everybody's list, then told as any other that is created, then says what it begins with. */
async function followOpening(deps: StepDeps, row: ConversationRow, cause: Cause): Promise<void> {
  const { memberships, publisher } = deps;
  const { app, conversationId, createdAt, distinct, lifecycle } = row;
  const participants = [...row.participants];
  await memberships.open(app, conversationId, createdAt);
  const created = { conversationId, createdAt, participants, distinct };
  await publisher.emit(ConversationCreated, app, created, about(row, "conversation-created", cause));
  await showInvites(deps)(row, cause);
  await breakIce(deps)(row, lifecycle?.lastStep?.by ?? cause.id, cause);
  const closesAt = lifecycle ? closingOf(lifecycle) : null;
  const opened = { conversationId, participants, at: createdAt, closesAt };
  await publisher.emit(ConversationOpened, app, opened, about(row, "conversation-opened", cause));
}

/** Sends what a conversation begins with; again, it is the same. */
export const breakIce =
  (deps: SendingDeps) =>
  async (row: ConversationRow, by: string, cause: Cause): Promise<void> => {
    const messages = row.lifecycle?.iceBreaker ?? [];
    if (messages.length > 0) await sendSystemMessages(deps)(row, messages, `${by}.ice-breaker`, cause);
  };

async function followWarning(deps: StepDeps, row: ConversationRow, cause: Cause): Promise<void> {
  const { app, conversationId, lifecycle } = row;
  const { warning, lastStep } = lifecycle ?? {};
  const closesAt = lifecycle ? closingOf(lifecycle) : null;
  if (!warning || !lastStep || closesAt === null) return;
  const [messageId = null] = await sendSystemMessages(deps)(row, [warning.message], `${lastStep.by}.warning`, cause);
  const warned = { conversationId, messageId, closesAt, at: lastStep.at };
  await deps.publisher.emit(ConversationWarned, app, warned, about(row, "conversation-warned", cause));
}

async function followClosing({ invites, publisher, now }: StepDeps, row: ConversationRow, cause: Cause): Promise<void> {
  const { app, conversationId, participants, lifecycle } = row;
  await invites.endAll(app, conversationId, "expired");
  const deletesAt = lifecycle ? (nextStep(lifecycle, now())?.at ?? null) : null;
  const closed = { conversationId, participants: [...participants], at: lifecycle?.closedAt ?? now(), deletesAt };
  await publisher.emit(ConversationClosed, app, closed, about(row, "conversation-closed", cause));
}

/** Says what a conversation is going to do by itself. */
export const tellSchedule =
  ({ publisher, now }: Pick<StepDeps, "publisher" | "now">) =>
  async (row: ConversationRow, cause: Delivery<unknown>): Promise<void> => {
    const { app, conversationId, lifecycle, version } = row;
    const steps = lifecycle ? [...stepsToCome(lifecycle, now())] : [];
    if (!lifecycle || (steps.length === 0 && lifecycle.revision === 0)) return;
    const changed = { conversationId, state: lifecycle.state, steps, at: cause.sentAt.getTime() };
    const envelope = { id: `${cause.id}.schedule-changed`, cause, subjectVersion: version };
    await publisher.emit(ConversationScheduleChanged, app, changed, envelope);
  };
