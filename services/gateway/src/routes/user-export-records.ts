import {
  type GetUser,
  GetLocation,
  GetPresence,
  GetPushPreferences,
  GetPushPolicy,
  ListBlocks,
  ListDevices,
  ListFollowers,
  ListFollowing,
  ListMessages,
  ListUserConversations,
  type PayloadOf,
  type ReplyOf,
  type UserMessage,
} from "@strata/contracts";
import {
  deviceView,
  formatOptionalTime,
  formatTime,
  identityView,
  locationView,
  notFound,
} from "@strata/layer-protocol";
import { pushPreferencesView } from "../domain/push-preferences.ts";
import type { Call } from "../http/route.ts";
import { announcements, keptRecords, pushOutcomes } from "./user-export-kept.ts";
import type { ExportRecord } from "./user-export-lines.ts";

type User = NonNullable<ReplyOf<typeof GetUser>["user"]>;
type Records = AsyncGenerator<ExportRecord>;

/** Each page has a deadline of its own: a slow reader has all the time she wants. */
const PAGE_MS = 10_000;
const USERS_PAGE = 500;
const OBJECTS_PAGE = 100;

/** Everything page by page: no more than a page of each list is held. */
export async function* exportRecords(call: Call, user: User): Records {
  yield { type: "identity", ...identityView(call.wire, user.userId, user.identity) };
  yield { type: "suspension", is_suspended: user.isSuspended };
  yield* relations(call, user.userId);
  yield* facts(call, user.userId);
  const subject = { userId: user.userId, knownSince: user.createdAt ?? null };
  yield* keptRecords(call, within, subject);
  yield* announcements(call, within, subject);
  yield* conversations(call, user.userId);
}

const within = (call: Call) => call.calls.within(PAGE_MS);

async function* relations(call: Call, userId: string): Records {
  const { blocked } = await within(call).ask(ListBlocks, { userId });
  for (const other of blocked) yield { type: "block", user_id: other };
  for (let after: string | null = null; ;) {
    const question: PayloadOf<typeof ListFollowing> = { userId, after, limit: USERS_PAGE, withIdentities: false };
    const { following } = await within(call).ask(ListFollowing, question);
    for (const other of following) yield { type: "following", user_id: other.userId };
    after = following.at(-1)?.userId ?? null;
    if (following.length < USERS_PAGE) break;
  }
  for (let after: string | null = null; ;) {
    const question: PayloadOf<typeof ListFollowers> = { userId, after, limit: USERS_PAGE };
    const { followers } = await within(call).ask(ListFollowers, question);
    for (const other of followers) yield { type: "follower", user_id: other };
    after = followers.at(-1) ?? null;
    if (followers.length < USERS_PAGE) break;
  }
}

async function* facts(call: Call, userId: string): Records {
  const { location } = await within(call).ask(GetLocation, { userId });
  if (location) yield { type: "location", ...locationView(location) };
  const { status, lastSeenAt } = await within(call).ask(GetPresence, { userId });
  yield { type: "presence", status, last_seen_at: formatOptionalTime(lastSeenAt) };
  const { devices } = await within(call).ask(ListDevices, { userId });
  for (const device of devices) yield { type: "device", ...deviceView(call.wire, device) };
  const { preferences } = await within(call).ask(GetPushPreferences, { userId });
  const { policy } = await within(call).ask(GetPushPolicy, {});
  yield { type: "push_preferences", ...pushPreferencesView(preferences, policy) };
}

async function* conversations(call: Call, userId: string): Records {
  for (let after: string | null = null; ;) {
    const question = { userId, order: "created_at" as const, after, limit: OBJECTS_PAGE };
    const reply: ReplyOf<typeof ListUserConversations> = await within(call).ask(ListUserConversations, question);
    // The row to go on from is gone: what follows cannot be known, so the export must not end as if it were whole.
    if (reply.conversations === null) throw notFound("The list changed while it was read");
    // Those that were deleted a moment ago are left out of a page: only an empty one is behind the last.
    if (reply.conversations.length === 0) return;
    for (const { conversationId, createdAt, distinct, metadata } of reply.conversations) {
      yield { type: "conversation", id: conversationId, created_at: formatTime(createdAt), distinct, metadata };
      yield* messages(call, userId, conversationId);
    }
    after = reply.conversations.at(-1)?.conversationId ?? null;
  }
}

async function* messages(call: Call, userId: string, conversationId: string): Records {
  for (let after: string | null = null; ;) {
    const question = { conversationId, viewer: userId, after, limit: OBJECTS_PAGE };
    const reply: ReplyOf<typeof ListMessages> = await within(call).ask(ListMessages, question);
    if (reply.messages === null) {
      // Deleted between the two questions: nothing of it is left to tell.
      if (reply.state !== "present" || reply.standing === "stranger") return;
      throw notFound("The list changed while it was read");
    }
    const received = reply.messages.filter((message) => !isHers(userId, message));
    yield* received.map(receivedRecord);
    yield* pushOutcomes(call, within, { userId, kind: "message", ids: received.map(({ messageId }) => messageId) });
    after = reply.messages.at(-1)?.messageId ?? null;
    if (reply.messages.length < OBJECTS_PAGE) return;
  }
}

/** Of what others wrote only that she has it, for the words are theirs. Her own are in what is kept of her. */
function receivedRecord({ messageId, conversationId, sentAt, isUnread, receivedAt }: UserMessage): ExportRecord {
  const common = { id: messageId, conversation_id: conversationId, sent_at: formatTime(sentAt) };
  const received = receivedAt === null ? null : formatTime(receivedAt);
  return { type: "message_received", ...common, received_at: received, is_read: !isUnread };
}

const isHers = (userId: string, { sender }: UserMessage): boolean => "userId" in sender && sender.userId === userId;
