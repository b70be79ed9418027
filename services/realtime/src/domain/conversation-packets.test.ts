import { isDeepStrictEqual } from "node:util";
import type { UserMessage } from "@strata/contracts";
import { formatPatchProperty, identityUri, type LayerVersion, type Packet } from "@strata/layer-protocol";
import { expect } from "chai";
import { aSeenConversation, aUserMessage, BASE_URL, CONVERSATION_ID, MESSAGE_ID } from "../../test/seen.ts";
import {
  type ConversationChange,
  conversationPackets,
  messagesOf,
  type Receiver,
  touchesCounts,
} from "./conversation-packets.ts";
import type { SeenConversation } from "./seen-conversation.ts";

const CONVERSATION = {
  type: "Conversation",
  id: `layer:///conversations/${CONVERSATION_ID}`,
  url: `${BASE_URL}/conversations/${CONVERSATION_ID}`,
};
const MESSAGE = {
  type: "Message",
  id: `layer:///messages/${MESSAGE_ID}`,
  url: `${BASE_URL}/messages/${MESSAGE_ID}`,
};
const here = { conversationId: CONVERSATION_ID } as const;
const hers = { ...here, messageId: MESSAGE_ID } as const;

/** Ann, unless said otherwise, with views that say no more than what they are. */
const receiver = (
  seen: SeenConversation | null,
  options: { userId?: string; version?: LayerVersion; messageView?: ReturnType<Receiver["messageView"]> } = {},
): Receiver => ({
  wire: { version: options.version ?? "3.0", baseUrl: BASE_URL, appId: "app", isClientApi: true },
  userId: options.userId ?? "ann",
  seen,
  conversationView: () => ({ view: "conversation" }),
  messageView: (messageId) => (options.messageView === undefined ? { parts: messageId } : options.messageView),
  lastMessageView: () => ({ view: "last message" }),
  participantView: (userId) => ({ view: userId }),
});

const change = (operation: string, object: object, data: unknown): Packet => ({
  type: "change",
  body: { operation, object, data },
});
const set = (property: string, value: unknown) => ({ operation: "set", property, value });
const LAST = "0a0a0a0a-0000-4000-8000-00000000000a";
const COUNTS = change("update", CONVERSATION, [
  { ...set("last_message", { view: "last message" }), id: `layer:///messages/${LAST}` },
  set("unread_message_count", 2),
  set("total_message_count", 7),
]);
const counted = (messages: readonly UserMessage[] = []) =>
  aSeenConversation({
    lastMessage: aUserMessage({ messageId: LAST }),
    unreadCount: 2,
    messageCount: 7,
    messages,
  });
const packetsOf = (one: ConversationChange, to: Receiver, isLast = true) => conversationPackets(one, to, isLast);

const part = (partId: string, more: object = {}) => ({
  id: `${MESSAGE.id}/parts/${partId}`,
  url: `${MESSAGE.url}/parts/${partId}`,
  mime_type: "text/plain",
  body: `body of ${partId}`,
  updated_at: "2026-11-27T00:00:00.000Z",
  ...more,
});

const receipts = (...some: readonly (readonly [userId: string, kind: "delivered" | "read"])[]): ConversationChange => ({
  kind: "message-receipts",
  ...hers,
  receipts: some.map(([userId, kind]) => ({ userId, kind })),
});

const pathOf = (userId: string) => formatPatchProperty(["recipient_status", identityUri(userId)]);

const deletedMessage = (isForAll: boolean) =>
  packetsOf({ kind: "message-deleted", ...hers, isForAll }, receiver(counted()));

/** Ann and one who is gone came, one who is back went. */
const latelyTold = (isParticipant: boolean) =>
  packetsOf(
    { kind: "participants-changed", ...here, added: ["ann", "gone"], removed: ["back"] },
    receiver(aSeenConversation({ participants: ["ann", "back"], isParticipant })),
  ).map(({ body }) => body);

const statusUpdate = (userId: string, status: string) => change("update", MESSAGE, [set(pathOf(userId), status)]);

describe("what a receiver is sent of a change of a conversation", () => {
  it("is the whole conversation where it is new", () => {
    expect(packetsOf({ kind: "conversation-created", ...here }, receiver(counted()))).to.deep.equal([
      change("create", CONVERSATION, { view: "conversation" }),
    ]);
  });

  it("is who came and went, with the whole conversation before it for who came herself", () => {
    const changed: ConversationChange = {
      kind: "participants-changed",
      ...here,
      added: ["bob", "c.d"],
      removed: ["e/f"],
    };
    const update = change("update", CONVERSATION, [
      { operation: "add", property: "participants", id: "layer:///identities/bob", value: { view: "bob" } },
      { operation: "add", property: "participants", id: "layer:///identities/c.d", value: { view: "c.d" } },
      { operation: "remove", property: "participants", id: "layer:///identities/e%2Ff" },
    ]);
    const seen = aSeenConversation({ participants: ["ann", "bob", "c.d"] });
    expect(packetsOf(changed, receiver(seen))).to.deep.equal([update]);
    expect(packetsOf(changed, receiver(aSeenConversation({ isParticipant: false }), { userId: "e/f" }))).to.deep.equal([
      update,
    ]);
    expect(packetsOf(changed, receiver(seen, { userId: "bob" }))).to.deep.equal([
      change("create", CONVERSATION, { view: "conversation" }),
      update,
    ]);
  });

  it("is whether those who came and went are in it by now, so that what is told late undoes nothing", () => {
    const [whole, update] = latelyTold(true);
    expect(whole).to.include({ operation: "create" });
    expect(update).to.have.deep.property("data", [
      { operation: "add", property: "participants", id: "layer:///identities/ann", value: { view: "ann" } },
      { operation: "add", property: "participants", id: "layer:///identities/back", value: { view: "back" } },
      { operation: "remove", property: "participants", id: "layer:///identities/gone" },
    ]);
    // Who has left herself is not told who came back since.
    expect(latelyTold(false)[1]).to.have.deep.property("data", [
      { operation: "add", property: "participants", id: "layer:///identities/gone", value: { view: "gone" } },
      { operation: "remove", property: "participants", id: "layer:///identities/ann" },
      { operation: "remove", property: "participants", id: "layer:///identities/back" },
    ]);
  });

  it("is the metadata as it is by now", () => {
    const seen = aSeenConversation({ metadata: { topic: "tea", "a.b": "c" } });
    expect(packetsOf({ kind: "metadata-changed", ...here }, receiver(seen))).to.deep.equal([
      change("update", CONVERSATION, [set("metadata", { topic: "tea", "a.b": "c" })]),
    ]);
  });

  it("is that it is gone for all, also where nothing is seen of it any more", () => {
    const gone = change("delete", CONVERSATION, { mode: "all_participants", from_position: null });
    for (const seen of [null, counted()]) {
      expect(packetsOf({ kind: "conversation-deleted", ...here }, receiver(seen))).to.deep.equal([gone]);
    }
  });

  it("is that all of it is gone where she cleared it, or left; only what came before where it is back since", () => {
    const cleared: ConversationChange = { kind: "conversation-cleared", ...here, throughPosition: 3 };
    const from = (seen: SeenConversation) => packetsOf(cleared, receiver(seen));
    const all = change("delete", CONVERSATION, { mode: "my_devices", from_position: null });
    expect(from(aSeenConversation({ isHidden: true }))).to.deep.equal([all]);
    expect(from(aSeenConversation({ isParticipant: false }))).to.deep.equal([all]);
    expect(from(aSeenConversation({}))).to.deep.equal([
      change("delete", CONVERSATION, { mode: "my_devices", from_position: 3 * 2 ** 20 }),
      change("create", CONVERSATION, { view: "conversation" }),
    ]);
  });

  it("is who read all of it; and what is unread then to the reader alone", () => {
    const read: ConversationChange = { kind: "conversation-read", ...here, userId: "b/b", throughPosition: 2 };
    const operation = {
      type: "operation",
      body: {
        method: "Conversation.mark_all_read",
        object: CONVERSATION,
        data: { position: 2 * 2 ** 20, identity: { id: "layer:///identities/b%2Fb", user_id: "b/b" } },
      },
    };
    expect(packetsOf(read, receiver(counted()))).to.deep.equal([operation]);
    expect(packetsOf(read, receiver(counted(), { userId: "b/b" }))).to.deep.equal([operation, COUNTS]);
    expect(packetsOf(read, receiver(counted(), { userId: "b/b" }), false)).to.deep.equal([operation]);
  });

  it("is a new message before the conversation that names it", () => {
    const created: ConversationChange = { kind: "message-created", ...hers };
    const create = change("create", MESSAGE, { parts: MESSAGE_ID });
    expect(packetsOf(created, receiver(counted()))).to.deep.equal([create, COUNTS]);
    expect(packetsOf(created, receiver(counted()), false)).to.deep.equal([create]);
  });

  it("is nothing of a message that she does not see, but what is counted is told", () => {
    const to = receiver(counted(), { messageView: null });
    expect(packetsOf({ kind: "message-created", ...hers }, to)).to.deep.equal([COUNTS]);
    expect(packetsOf({ kind: "message-created", ...hers }, to, false)).to.deep.equal([]);
    expect(packetsOf({ kind: "message-updated", ...hers, changed: ["p"], removed: [] }, to)).to.deep.equal([]);
  });

  it("says that there is no last message where none is left", () => {
    const packets = packetsOf({ kind: "message-deleted", ...hers, isForAll: true }, receiver(aSeenConversation({})));
    expect(packets).to.deep.equal([
      change("delete", MESSAGE, { mode: "all_participants" }),
      change("update", CONVERSATION, [
        set("last_message", null),
        set("unread_message_count", 0),
        set("total_message_count", 0),
      ]),
    ]);
  });

  it("is that a message is gone, from all views or from hers, before what is counted", () => {
    expect(deletedMessage(true)).to.deep.equal([change("delete", MESSAGE, { mode: "all_participants" }), COUNTS]);
    expect(deletedMessage(false)).to.deep.equal([change("delete", MESSAGE, { mode: "my_devices" }), COUNTS]);
  });

  it("is nothing at all where nothing of it is hers, and where it is in none of her lists, that it is cleared", () => {
    const changes: readonly ConversationChange[] = [
      { kind: "conversation-created", ...here },
      { kind: "participants-changed", ...here, added: ["ann"], removed: [] },
      { kind: "metadata-changed", ...here },
      { kind: "conversation-cleared", ...here, throughPosition: 1 },
      { kind: "conversation-read", ...here, userId: "ann", throughPosition: 1 },
      { kind: "message-created", ...hers },
      { kind: "message-updated", ...hers, changed: [], removed: [] },
      { kind: "message-deleted", ...hers, isForAll: true },
      { kind: "message-receipts", ...hers, receipts: [{ userId: "ann", kind: "read" }] },
    ];
    for (const one of changes) expect(packetsOf(one, receiver(null)), one.kind).to.deep.equal([]);
    const hidden = receiver(aSeenConversation({ isHidden: true, messages: [aUserMessage({})] }));
    const told = changes.filter((one) => packetsOf(one, hidden).length > 0).map(({ kind }) => kind);
    expect(told).to.deep.equal(["conversation-cleared"]);
  });
});

describe("what a receiver is sent of changed parts", () => {
  const changed: ConversationChange = { kind: "message-updated", ...hers, changed: ["two"], removed: ["gone"] };

  it("is from 3.0 each part by itself: what is gone, what came, and what those say that were known", () => {
    const messageView = { parts: [part("one"), part("two"), part("ktwo")], updated_at: "2026-11-27T00:00:01.000Z" };
    expect(packetsOf(changed, receiver(counted(), { messageView }))).to.deep.equal([
      change("update", MESSAGE, [
        { operation: "remove", property: "parts", id: `${MESSAGE.id}/parts/gone` },
        { operation: "add", property: "parts", id: `${MESSAGE.id}/parts/two`, value: part("two") },
        set("updated_at", "2026-11-27T00:00:01.000Z"),
      ]),
      change("update", { type: "MessagePart", id: `${MESSAGE.id}/parts/two`, url: `${MESSAGE.url}/parts/two` }, [
        set("body", "body of two"),
        set("mime_type", "text/plain"),
        set("updated_at", "2026-11-27T00:00:00.000Z"),
      ]),
    ]);
  });

  it("is whether a part is there by now, so that what is told late undoes nothing", () => {
    const late: ConversationChange = { kind: "message-updated", ...hers, changed: ["gone"], removed: ["two"] };
    const messageView = { parts: [part("two")], updated_at: "2026-11-27T00:00:01.000Z" };
    const [update] = packetsOf(late, receiver(counted(), { messageView }));
    expect(update?.body).to.have.deep.property("data", [
      { operation: "remove", property: "parts", id: `${MESSAGE.id}/parts/gone` },
      { operation: "add", property: "parts", id: `${MESSAGE.id}/parts/two`, value: part("two") },
      set("updated_at", "2026-11-27T00:00:01.000Z"),
    ]);
  });

  it("says null for what a part does not have", () => {
    const { id, url, mime_type } = part("two");
    const messageView = { parts: [{ id, url, mime_type }] };
    const [update, ofPart] = packetsOf(changed, receiver(counted(), { messageView }));
    expect(update?.body).to.have.property("data").that.deep.includes(set("updated_at", null));
    expect(ofPart?.body).to.have.deep.property("data", [
      set("body", null),
      set("mime_type", "text/plain"),
      set("updated_at", null),
    ]);
  });

  it("is in 2.0 the list as it is by now", () => {
    const parts = [{ id: `${MESSAGE.id}/parts/0`, mime_type: "text/plain", body: "x" }];
    const to = receiver(counted(), { version: "2.0", messageView: { parts } });
    expect(packetsOf(changed, to)).to.deep.equal([change("update", MESSAGE, [set("parts", parts)])]);
  });
});

describe("what a receiver is sent of receipts of a message", () => {
  const message = aUserMessage({
    recipients: [
      { userId: "ann", status: "read" },
      { userId: "b.b", status: "read" },
      { userId: "cid", status: "delivered" },
    ],
  });

  it("is what each reader has come to by now, once, so that what is told late lowers nothing", () => {
    const told = receipts(["b.b", "delivered"], ["cid", "delivered"], ["b.b", "read"]);
    expect(packetsOf(told, receiver(counted([message])))).to.deep.equal([
      change("update", MESSAGE, [
        set("recipient_status.layer:///identities/b\\.b", "read"),
        set(pathOf("cid"), "delivered"),
      ]),
    ]);
  });

  it("is also what is unread then for who has read it herself, and for nobody who only got it", () => {
    expect(packetsOf(receipts(["ann", "read"]), receiver(counted([message])))).to.deep.equal([
      statusUpdate("ann", "read"),
      COUNTS,
    ]);
    expect(packetsOf(receipts(["ann", "delivered"]), receiver(counted([message])))).to.deep.equal([
      statusUpdate("ann", "read"),
    ]);
    expect(packetsOf(receipts(["ann", "read"]), receiver(counted([message])), false)).to.deep.equal([
      statusUpdate("ann", "read"),
    ]);
  });

  it("names nobody whom the message was not for, and nothing of a message that she does not see", () => {
    expect(packetsOf(receipts(["eve", "read"]), receiver(counted([message])))).to.deep.equal([]);
    expect(packetsOf(receipts(["cid", "read"]), receiver(counted()))).to.deep.equal([]);
    expect(packetsOf(receipts(["ann", "read"]), receiver(counted()))).to.deep.equal([COUNTS]);
  });
});

describe("what must be known, and what is counted anew, for a change", () => {
  const all: readonly (readonly [change: ConversationChange, messages: number, isCounted: boolean])[] = [
    [{ kind: "conversation-created", ...here }, 0, false],
    [{ kind: "participants-changed", ...here, added: ["ann"], removed: [] }, 0, false],
    [{ kind: "metadata-changed", ...here }, 0, false],
    [{ kind: "conversation-deleted", ...here }, 0, false],
    [{ kind: "conversation-cleared", ...here, throughPosition: 1 }, 0, false],
    [{ kind: "conversation-read", ...here, userId: "ann", throughPosition: 1 }, 0, true],
    [{ kind: "conversation-read", ...here, userId: "bob", throughPosition: 1 }, 0, false],
    [{ kind: "message-created", ...hers }, 1, true],
    [{ kind: "message-updated", ...hers, changed: [], removed: [] }, 1, false],
    [{ kind: "message-deleted", ...hers, isForAll: true }, 0, true],
    [{ kind: "message-receipts", ...hers, receipts: [{ userId: "ann", kind: "delivered" }] }, 1, false],
    [{ kind: "message-receipts", ...hers, receipts: [{ userId: "bob", kind: "read" }] }, 1, false],
    [{ kind: "message-receipts", ...hers, receipts: [{ userId: "ann", kind: "read" }] }, 1, true],
  ];
  for (const [one, messages, isCounted] of all) {
    it(`is known of ${JSON.stringify(one)}`, () => {
      expect(messagesOf(one)).to.deep.equal(messages === 0 ? [] : [MESSAGE_ID]);
      expect(touchesCounts(one, "ann")).to.equal(isCounted);
      // Whatever is sent with counts is what touches them: else they would be told twice, or not at all.
      const packets = packetsOf(one, receiver(counted([aUserMessage({})])));
      expect(packets.some((packet) => isDeepStrictEqual(packet, COUNTS))).to.equal(isCounted);
    });
  }
});
