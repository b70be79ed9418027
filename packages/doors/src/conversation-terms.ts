import type { ConversationTerms, ScheduleChange, SystemMessage } from "@strata/contracts";
import { type JsonObject, namedBelow, parseConversationTerms, parseScheduleChange } from "@strata/layer-protocol";
import type { Call } from "./call.ts";
import { requirePushable } from "./require-pushable.ts";
import { requireSenders, type SendingMessages } from "./send-messages.ts";

type Deps = Pick<SendingMessages, "settings" | "profiles" | "maxPartBytes">;

/**
 * What a new conversation is asked to do by itself; null where that is nothing. What it will say is held to what is asked of
 * any message: a sender who has an identity, and a notification that can be pushed.
 * @throws LayerError 422 with the path of what is wrong
 */
export async function termsOf(call: Call, deps: Deps, fields: JsonObject): Promise<ConversationTerms | null> {
  const terms = parseConversationTerms(fields, await readingOf(call, deps));
  if (terms !== null) await requireSendable(call, deps, terms);
  return terms;
}

/**
 * What is to be other in the schedule of a conversation.
 * @throws LayerError 400 `invalid_request`; 422 with the path of what is wrong
 */
export async function changeOf(call: Call, deps: Deps): Promise<ScheduleChange> {
  const change = parseScheduleChange(call.body, await readingOf(call, deps));
  await requireSendable(call, deps, change);
  return change;
}

const readingOf = async (call: Call, { settings, maxPartBytes }: Deps) => {
  const { maxPartsPerMessage } = await settings.of(call);
  return { version: call.wire.version, now: Date.now(), maxParts: maxPartsPerMessage, maxPartBytes };
};

async function requireSendable(call: Call, deps: Deps, { iceBreaker = [], warning }: ScheduleChange): Promise<void> {
  await requireMessages(call, deps, "ice_breaker", iceBreaker);
  if (warning) await requireMessages(call, deps, "warning", [warning.message]);
}

/**
 * Holds messages that are sent by themselves to what is asked of any: a sender who has an identity, and a notification that
 * can be pushed.
 * @throws LayerError 422 with the path of what is wrong, below `path`
 */
export async function requireMessages(
  call: Call,
  { profiles }: Pick<Deps, "profiles">,
  path: string,
  messages: readonly SystemMessage[],
): Promise<void> {
  try {
    for (const message of messages) await requirePushable(message, { version: call.wire.version, kind: "message" });
    await requireSenders(call, profiles, null, messages);
  } catch (error) {
    throw namedBelow(path, error);
  }
}
