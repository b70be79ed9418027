import {
  type AskBeforeSend,
  type BeforeSendVerdict,
  type Notification,
  type PayloadOf,
  type Sender,
} from "@strata/contracts";
import { identityUri, objectUri } from "@strata/layer-protocol";
import { z } from "zod";
import type { UrlAnswer } from "../call-url.ts";

type Question = PayloadOf<typeof AskBeforeSend>;

const SENT_BY = { users: "user", backend: "backend", system: "system" } as const;

/** What a backend is told of a message that is to be sent, under the names of the wire. */
export const questionOf = ({ subject, message }: Question) => ({
  sent_by: SENT_BY[subject],
  message: {
    id: objectUri("messages", message.messageId),
    conversation: { id: objectUri("conversations", message.conversationId) },
    sender: senderOf(message.sender),
    parts: message.parts.map(({ mimeType, body, encoding, content }) => ({
      mime_type: mimeType,
      body,
      encoding,
      content: content && { id: objectUri("content", content.contentId), size: content.size },
    })),
    notification: message.notification && {
      title: message.notification.title ?? null,
      text: message.notification.text ?? null,
    },
  },
});

const senderOf = (sender: Sender) =>
  "userId" in sender
    ? { id: identityUri(sender.userId), user_id: sender.userId, name: null }
    : { id: null, user_id: null, name: sender.name };

const Reason = z.string().nullish();
const Answer = z.discriminatedUnion("action", [
  z.object({ action: z.enum(["allow", "flag", "refuse"]), reason: Reason }),
  z.object({
    action: z.literal("replace"),
    reason: Reason,
    parts: z.array(z.object({ body: z.string(), mime_type: z.string().min(1).max(255).optional() }).nullable()),
    notification: z.object({ title: z.string().optional(), text: z.string().optional() }).nullish(),
  }),
]);

const MAX_NOTE_CHARACTERS = 500;

export const noVerdict = (note: string): BeforeSendVerdict => ({ outcome: "none", note: noteOf(note) });

/** What a backend said. An answer of 2xx without a word lets the message through. */
export function verdictOf({ status, body }: UrlAnswer, { message }: Question): BeforeSendVerdict {
  if (status < 200 || status > 299) return noVerdict(`it answered ${status}`);
  if (body.trim() === "") return { outcome: "allow", note: null };
  const parsed = Answer.safeParse(jsonOf(body));
  if (!parsed.success) return noVerdict(`its answer is not understood: ${z.prettifyError(parsed.error)}`);
  const answer = parsed.data;
  const note = typeof answer.reason === "string" ? noteOf(answer.reason) : null;
  if (answer.action !== "replace") return { outcome: answer.action, note };
  const wrong = wrongParts(answer.parts, message);
  if (wrong !== null) return noVerdict(wrong);
  const parts = answer.parts.map(
    (part, index) => part && { mimeType: part.mime_type ?? message.parts[index]?.mimeType ?? "", body: part.body },
  );
  const notification = notificationOf(message.notification, answer.notification ?? null);
  return { outcome: "replace", note, parts, ...(notification ? { notification } : {}) };
}

function wrongParts(parts: readonly unknown[], { parts: sent }: Question["message"]): string | null {
  if (parts.length !== sent.length) return `its answer has ${parts.length} parts, the message has ${sent.length}`;
  const isContentReplaced = parts.some((part, index) => part !== null && sent[index]?.content !== null);
  return isContentReplaced ? "its answer replaces uploaded content" : null;
}

interface Shown {
  readonly title?: string | undefined;
  readonly text?: string | undefined;
}

/** Texts for single recipients are the sender's too: they go with what they were written for. */
function notificationOf(sent: Notification | null, said: Shown | null): Notification | null {
  if (sent === null || said === null) return null;
  const { recipients: _, ...shared } = sent;
  const { title = shared.title, text = shared.text } = said;
  return { ...shared, ...(title === undefined ? {} : { title }), ...(text === undefined ? {} : { text }) };
}

const noteOf = (note: string): string => note.slice(0, MAX_NOTE_CHARACTERS).toWellFormed();

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
