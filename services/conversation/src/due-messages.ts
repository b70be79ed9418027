import { randomUUID } from "node:crypto";
import { AskBeforeSend, type BeforeSendVerdict, ruleSubjectOf, SendMessage, TypingStarted } from "@strata/contracts";
import type { Client, Publisher } from "@strata/messaging";
import { type Closable, DomainError, type Logger, workOffDue } from "@strata/runtime";
import { present, senderRefusal, sendingUser } from "./domain/access.ts";
import { senderUser } from "./domain/message.ts";
import {
  afterMessage,
  afterTyping,
  ended,
  nextSending,
  type ScheduleProgress,
  type ScheduleRow,
} from "./domain/schedule.ts";
import type { ConversationStore } from "./store/conversation-store.ts";
import type { ForgottenUserStore } from "./store/forgotten-user-store.ts";
import type { ScheduleStore } from "./store/schedule-store.ts";

interface Deps {
  readonly schedules: ScheduleStore;
  readonly conversations: ConversationStore;
  readonly forgottenUsers: Pick<ForgottenUserStore, "findSince">;
  readonly broker: Publisher & Client;
  readonly log: Logger;
  readonly leaseMs: number;
  readonly now: () => number;
}

type Due = NonNullable<ReturnType<typeof nextSending>>;

/** Schedules that one process takes on at once. */
const WORKERS = 16;
/** Below the lease, so that whoever waits for an answer still holds the row. */
const REQUEST_TIMEOUT_MS = 5_000;
const RELEASE_MS = 1_000;
/** How long a schedule is held while one step of it is done; after a death it waits as long. */
export const LEASE_MS = 8_000;

/**
 * Sends the messages that are due, the longest due first, through the lane of their conversations like any other. Safe in
 * every replica, since a row is claimed before anything of it is done, and a message that is sent again is one message:
 * its command has a fixed id. The answer is awaited, so that the next message of a schedule is behind this one, and a
 * refusal drops the message instead of being dead-lettered.
 */
export const startDueMessages = (deps: Deps, everyMs: number): Closable =>
  workOffDue({
    everyMs,
    workers: WORKERS,
    claim: () => deps.schedules.claimDue(randomUUID(), deps.leaseMs),
    work: (row, closing) => takeOn(deps, row, closing),
    log: deps.log,
  });

/** Does what is due of a schedule, step by step, for as long as the next step is due at once. */
async function takeOn(deps: Deps, claimed: ScheduleRow, closing: AbortSignal): Promise<void> {
  for (let row = claimed; ;) {
    const progress = await step(deps, row).catch(async (error: unknown) => {
      await deps.schedules.release(row._id, row.holder, RELEASE_MS);
      throw error;
    });
    const isDueAtOnce = progress.dueAt !== null && progress.dueAt <= Date.now() && !closing.aborted;
    const dueAt = isDueAtOnce ? Date.now() + deps.leaseMs : progress.dueAt;
    const isHeld = await deps.schedules.moveOn(row._id, row.holder, { ...progress, dueAt });
    if (!isHeld || !isDueAtOnce) return;
    row = { ...row, ...progress };
  }
}

const step = (deps: Deps, row: ScheduleRow): Promise<ScheduleProgress> =>
  row.isTypingDue ? showTyping(deps, row) : send(deps, row);

async function showTyping({ conversations, broker, now }: Deps, row: ScheduleRow): Promise<ScheduleProgress> {
  const sending = nextSending(row);
  if (!sending) return ended(row);
  const { app, conversation: conversationId, sendAt } = row;
  const conversation = present(
    conversationId,
    await conversations.find(app, conversationId),
    sendingUser(sending.payload),
  );
  const forMs = Math.min(sending.typingMs, sendAt - Date.now());
  const isDropped =
    conversation instanceof DomainError || senderRefusal(sending.payload, conversation, null, now()) !== null;
  if (!isDropped && forMs > 0) {
    const { sender } = sending.payload;
    await broker.emit(
      TypingStarted,
      app,
      { conversationId, sender, forMs, at: Date.now() },
      { id: `${sending.id}.typing` },
    );
  }
  return afterTyping(row);
}

async function send(deps: Deps, row: ScheduleRow): Promise<ScheduleProgress> {
  const { broker, log } = deps;
  const sending = nextSending(row);
  if (!sending) return ended(row);
  if (await isOfDeletedUser(deps, row, sending)) return afterMessage(row, Date.now());
  try {
    await place(broker, row.app, sending);
  } catch (error) {
    if (!(error instanceof DomainError) || !DROPS.has(error.code)) throw error;
    log.info("scheduled message dropped", { messageId: sending.payload.messageId, code: error.code });
    if (error.code === "object_deleted") return ended(row);
  }
  return afterMessage(row, Date.now());
}

/** Nothing is said any more in the name of who was deleted since, also where only the backend would have said it. */
async function isOfDeletedUser({ forgottenUsers }: Deps, { app, at }: ScheduleRow, { payload }: Due): Promise<boolean> {
  const user = senderUser(payload.sender);
  return user !== null && at !== undefined && (await forgottenUsers.findSince(app, [user], at)).size > 0;
}

/** Where the app's backend is to be asked about it, a second time with its answer; unanswered it stays due, if the policy wants one. */
async function place(broker: Client, app: string, { id, payload }: Due) {
  const options = { id, timeoutMs: REQUEST_TIMEOUT_MS };
  const { outcome, beforeSend } = await broker.request(SendMessage, app, payload, options);
  if (outcome !== "ask" || !beforeSend) return;
  const { sender, messageId, conversationId, parts, notification } = payload;
  const message = { sender, messageId, conversationId, parts, notification };
  const question = { webhook: beforeSend, subject: ruleSubjectOf(payload), message };
  const verdict = await broker
    .ask(AskBeforeSend, app, question, { timeoutMs: REQUEST_TIMEOUT_MS })
    .then((answer) => answer.verdict, unanswered);
  await broker.request(SendMessage, app, { ...payload, verdict }, options);
}

/** Nobody is there who could ask: as where nobody answers. */
function unanswered(error: unknown): BeforeSendVerdict {
  if (!(error instanceof DomainError) || error.code !== "service_unavailable") throw error;
  return { outcome: "none", note: "nobody was there to ask it" };
}

/**
 * Refusals of SendMessage: the conversation is gone, or closed, the sender has left or is muted, the content has been removed. Or the command
 * could not be handled and is in the dead-letter queue; a schedule does not stand still for that.
 */
const DROPS: ReadonlySet<string> = new Set([
  "not_found",
  "object_deleted",
  "conversation_closed",
  "user_muted",
  "message_refused",
  "access_denied",
  "invalid_property",
  "internal_server_error",
]);
