import { APP, type Conversation } from "./world.ts";

export interface NewMessage {
  readonly sender_id: string;
  readonly parts: readonly { readonly mime_type: string; readonly body: string }[];
}

/**
 * A message as it is stored: what can be asked for, and its finished JSON, as bytes: nobody has to make a string of it, which
 * would be most of what reading it costs. Its recipients' statuses, which receipts change, are at its end.
 */
export interface MessageRow {
  readonly _id: string;
  readonly app: string;
  readonly conversation: string;
  readonly position: number;
  readonly at: number;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly tokens: readonly string[];
  readonly text: Buffer;
  readonly statusesAt: number;
}

const BASE = "http://127.0.0.1:9700/apps/00000000-0000-4000-8000-000000000001";
const STEP = 2 ** 20;
const uri = (user: string): string => `layer:///identities/${user}`;

export function messageRow(
  _id: string,
  { _id: conversation, users }: Conversation,
  position: number,
  at: number,
  { sender_id, parts }: NewMessage,
): MessageRow {
  const sender = sender_id.slice(sender_id.lastIndexOf("/") + 1);
  const statuses = users.map((user) => `"${uri(user)}":"${user === sender ? "read" : "sent"}"`);
  const text = textOf(_id, conversation, position, at, sender, parts);
  return {
    _id,
    app: APP,
    conversation,
    position,
    at,
    sender,
    recipients: users,
    tokens: [...new Set(parts.flatMap(({ body }) => body.toLowerCase().split(" ")))],
    text: Buffer.from(`${text}{${statuses.join(",")}}}`),
    statusesAt: Buffer.byteLength(text),
  };
}

/** The fields and the length of what ours answers (packages/layer-protocol, message-views.ts); the statuses come last here. */
function textOf(
  id: string,
  conversation: string,
  position: number,
  at: number,
  sender: string,
  parts: NewMessage["parts"],
): string {
  const url = `${BASE}/conversations/${conversation}`;
  const own = `${url}/messages/${id}`;
  const view = {
    id: `layer:///messages/${id}`,
    url: own,
    receipts_url: null,
    conversation: { id: `layer:///conversations/${conversation}`, url },
    position: position * STEP,
    parts: parts.map(({ mime_type, body }, index) => ({
      id: `layer:///messages/${id}/parts/${index}`,
      mime_type,
      body,
      encoding: null,
      content: null,
      url: `${own}/parts/${index}`,
      message_url: own,
      updated_at: null,
    })),
    sent_at: new Date(at).toISOString(),
    sender: {
      id: uri(sender),
      url: `${BASE}/users/${sender}/identity`,
      user_id: sender,
      display_name: sender,
      avatar_url: null,
      first_name: null,
      last_name: null,
      phone_number: null,
      email_address: null,
      identity_type: "user",
      metadata: {},
    },
    notification: null,
    received_at: null,
    is_unread: null,
    reply_to: null,
    updated_at: null,
  };
  return `${JSON.stringify(view).slice(0, -1)},"recipient_status":`;
}
