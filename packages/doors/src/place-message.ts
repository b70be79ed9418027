import {
  AskBeforeSend,
  type BeforeSend,
  type BeforeSendVerdict,
  type PayloadOf,
  ruleSubjectOf,
  SendMessage,
} from "@strata/contracts";
import { serviceUnavailable } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import type { Calls } from "./calls.ts";

type Sending = PayloadOf<typeof SendMessage>;

/** What integration needs beyond the time that the backend has. */
const ASKING_MS = 1_000;
const RETRY_AFTER_SECONDS = 2;

/**
 * Sends a message, and where the writer of its conversation wants the app's backend to be asked first, asks and sends it
 * with the answer. Nobody is asked about what is refused anyhow, and who has no such policy pays nothing.
 */
export async function placeMessage(calls: Calls, sending: Sending, command: { readonly id?: string | undefined }) {
  const first = await calls.request(SendMessage, sending, command);
  if (first.outcome !== "ask" || !first.beforeSend) return first;
  // The backend's time is its own, and not that of the other services.
  const { remainingMs } = calls;
  const verdict = await askBackend(calls, sending, first.beforeSend);
  const placed = await calls.within(remainingMs).request(SendMessage, { ...sending, verdict }, command);
  if (placed.outcome === "ask") throw serviceUnavailable(RETRY_AFTER_SECONDS);
  return placed;
}

/** What an app's backend says of a message, also where nobody is there to ask it. */
export async function askBackend(calls: Calls, sending: Sending, webhook: BeforeSend): Promise<BeforeSendVerdict> {
  const { url, timeoutMs } = webhook;
  const { messageId, conversationId, sender, parts, notification } = sending;
  const message = { messageId, conversationId, sender, parts, notification };
  const question = { webhook: { url, timeoutMs }, subject: ruleSubjectOf(sending), message };
  try {
    return (await calls.within(timeoutMs + ASKING_MS).ask(AskBeforeSend, question)).verdict;
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "service_unavailable") throw error;
    return { outcome: "none", note: "nobody was there to ask it" };
  }
}
