import { randomUUID } from "node:crypto";
import type { NewPart, PayloadOf, ReplyOf, SendMessage } from "@strata/contracts";
import type { Outcome } from "@strata/messaging";
import { aUserId } from "@strata/testing";
import type { Blockers } from "../src/blockers.ts";
import { sendMessages, type SendingDeps } from "../src/handlers/send-message.ts";
import { aDelivery, recordingPublisher } from "./support.ts";

export const aMessageId = (): string => randomUUID();

export const aPart = (body = "hi", changed: Partial<NewPart> = {}): NewPart => ({
  partId: null,
  mimeType: "text/plain",
  body,
  encoding: null,
  content: null,
  ...changed,
});

type Draft = PayloadOf<typeof SendMessage>;

/** A message that user 1 sends herself, unless said otherwise. */
export const aDraft = (conversationId: string, changed: Partial<Draft> = {}): Draft => ({
  conversationId,
  messageId: aMessageId(),
  sender: { userId: aUserId(1) },
  authority: "user",
  parts: [aPart()],
  notification: null,
  ...changed,
});

/** A directory where these block a sender, and some are muted, by the sender; says what it was asked. */
export function blocking(
  bySender: Readonly<Record<string, readonly string[]>> = {},
  mutedUntil: Readonly<Record<string, number>> = {},
) {
  const asked: unknown[] = [];
  const blockers: Blockers = {
    async find(_app, checks) {
      asked.push(checks);
      return checks.map(({ senderId, userIds }) => ({
        blockers: userIds.filter((userId) => bySender[senderId]?.includes(userId)),
        mutedUntil: mutedUntil[senderId] ?? null,
      }));
    },
  };
  return { asked, blockers };
}

type SendingStores = Omit<SendingDeps, "blockers" | "publisher">;

/** SendMessage over these stores, one by one, for tests of what comes after it. */
export function sender(stores: SendingStores, bySender: Readonly<Record<string, readonly string[]>> = {}) {
  const handle = sendMessages({ ...stores, ...blocking(bySender), publisher: recordingPublisher().publisher });
  return async (app: string, draft: Draft) => {
    const [outcome] = await handle([aDelivery(draft, { app })]);
    return sentOf(outcome);
  };
}

/** The message of a reply that says that one was sent. */
export function sentOf(outcome: Outcome<ReplyOf<typeof SendMessage>> | undefined) {
  if (outcome?.kind !== "reply" || outcome.reply.message === null)
    throw new Error(`not sent: ${JSON.stringify(outcome)}`);
  return outcome.reply.message;
}

export const repliedBy = <Reply>(outcome: Outcome<Reply> | undefined): Reply => {
  if (outcome?.kind !== "reply") throw new Error(`no reply: ${JSON.stringify(outcome)}`);
  return outcome.reply;
};

export const codeOf = (outcome: Outcome | undefined): string => {
  if (outcome?.kind !== "refuse") throw new Error(`not refused: ${JSON.stringify(outcome)}`);
  return outcome.error.code;
};

/** The code of what a handler threw: its refusal. */
export const refusalOf = async (handling: Promise<unknown>): Promise<string> => {
  try {
    return JSON.stringify(await handling);
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
};
