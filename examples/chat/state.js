// What the page knows: filled over REST, kept up by packets. No network and no page in here.

export const createState = (me) => ({ me, conversations: new Map(), messages: new Map(), announcements: new Map() });

const KINDS = { Conversation: "conversations", Message: "messages", Announcement: "announcements" };
/** Of a conversation, what an `update` may simply set. */
const PLAIN = new Set(["last_message", "unread_message_count", "total_message_count"]);
const STATUS = "recipient_status.";

/** Takes objects as REST shows them, or as packets bring them. */
export function put(state, kind, objects) {
  for (const object of objects) state[kind].set(object.id, object);
}

/** Applies a packet, once or again. Answers the ids of what has to be read over REST, since the packet does not say it all. */
export function apply(state, { type, body }) {
  if (type === "operation") return markAllRead(state, body);
  if (type !== "change") return [];
  const { operation, object, data } = body;
  const kind = KINDS[object.type];
  if (object.type === "MessagePart") return [object.id.split("/parts/")[0]];
  if (kind === undefined) return [];
  if (operation === "create") put(state, kind, [data]);
  if (operation === "delete") remove(state, kind, object.id, data);
  return operation === "update" ? update(state, kind, object.id, data) : [];
}

function update(state, kind, id, operations) {
  const known = state[kind].get(id);
  // A conversation that is news is worth reading; what is said of a message that is not here matters to nobody.
  if (known === undefined) return kind === "conversations" ? [id] : [];
  const unclear = operations.filter((one) => !set(state, known, one));
  return unclear.length > 0 ? [id] : [];
}

function set(state, known, { operation, property, value }) {
  if (operation !== "set" || value === undefined) return false;
  if (PLAIN.has(property)) known[property] = value;
  else if (property.startsWith(STATUS))
    setStatus(state, known, property.slice(STATUS.length).replaceAll("\\.", "."), value);
  else return false;
  return true;
}

function setStatus(state, known, who, status) {
  known.recipient_status[who] = status;
  if (who === state.me && status === "read") known.is_unread = false;
}

function markAllRead(state, { method, object, data }) {
  if (method !== "Conversation.mark_all_read") return [];
  for (const message of messagesOf(state, object.id)) {
    if (message.position <= data.position) setStatus(state, message, data.identity.id, "read");
  }
  return [];
}

function remove(state, kind, id, data) {
  const upTo = data?.from_position ?? null;
  if (upTo === null) state[kind].delete(id);
  if (kind !== "conversations") return;
  for (const message of messagesOf(state, id)) {
    if (upTo === null || message.position <= upTo) state.messages.delete(message.id);
  }
}

/** Oldest first. */
export const messagesOf = (state, conversationId) =>
  [...state.messages.values()]
    .filter(({ conversation }) => conversation?.id === conversationId)
    .toSorted((a, b) => a.position - b.position);

const newest = ({ last_message: last, created_at: createdAt }) => last?.sent_at ?? createdAt;

/** What was said last comes first. */
export const conversationsOf = (state) =>
  [...state.conversations.values()].toSorted((a, b) => newest(b).localeCompare(newest(a)));

/** Newest first. */
export const announcementsOf = (state) => [...state.announcements.values()].toSorted((a, b) => b.position - a.position);
