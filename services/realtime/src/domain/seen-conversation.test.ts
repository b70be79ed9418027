import { expect } from "chai";
import { aUserMessage, CONVERSATION, MESSAGE_ID, type Views } from "../../test/seen.ts";
import { seenByEach } from "./seen-conversation.ts";

type View = Views["views"][number];

const view = (userId: string, changed: Partial<View> = {}): View => ({
  userId,
  standing: "participant",
  isHidden: false,
  clearedThrough: 0,
  lastMessage: null,
  unreadCount: 0,
  messageCount: 0,
  messages: [],
  ...changed,
});
const answer = (views: readonly View[], messages: Views["messages"] = []): Views => ({
  state: "present",
  conversation: CONVERSATION,
  messages: [...messages],
  views: [...views],
});

describe("what each user sees of a conversation", () => {
  it("is nothing where it is gone, or was never hers", () => {
    expect([...seenByEach({ ...answer([view("ann")]), conversation: null })]).to.deep.equal([]);
    expect([...seenByEach(answer([view("eve", { standing: "stranger" })]))]).to.deep.equal([]);
  });

  it("names the others to who is in it, and nobody to who has left", () => {
    const seen = seenByEach(answer([view("ann", { isHidden: true }), view("bob", { standing: "left" })]));
    expect(seen.get("ann")).to.deep.include({ isParticipant: true, isHidden: true });
    expect(seen.get("ann")?.conversation.participants).to.deep.equal(["ann", "bob"]);
    expect(seen.get("bob")).to.deep.include({ isParticipant: false, isHidden: false });
    expect(seen.get("bob")?.conversation.participants).to.deep.equal([]);
  });

  it("is each one's own counts and state of what is told once for all", () => {
    const { isUnread: _isUnread, receivedAt: _receivedAt, ...message } = aUserMessage({});
    const ofAnn = { messageId: MESSAGE_ID, isUnread: true, receivedAt: null };
    const ofBob = { messageId: MESSAGE_ID, isUnread: false, receivedAt: 5 };
    const seen = seenByEach(
      answer(
        [
          view("ann", { lastMessage: ofAnn, unreadCount: 1, messageCount: 2, messages: [ofAnn] }),
          view("bob", { lastMessage: ofBob, messages: [] }),
        ],
        [message],
      ),
    );
    expect(seen.get("ann")?.conversation).to.deep.include({
      lastMessage: { ...message, isUnread: true, receivedAt: null },
      unreadCount: 1,
      messageCount: 2,
    });
    expect([...(seen.get("ann")?.messages ?? [])]).to.deep.equal([
      [MESSAGE_ID, { ...message, isUnread: true, receivedAt: null }],
    ]);
    expect(seen.get("bob")?.conversation.lastMessage).to.deep.include({ isUnread: false, receivedAt: 5 });
    expect(seen.get("bob")?.messages.size).to.equal(0);
  });

  it("leaves out a message that was not told", () => {
    const one = { messageId: MESSAGE_ID, isUnread: true, receivedAt: null };
    const seen = seenByEach(answer([view("ann", { lastMessage: one, messages: [one] })]));
    expect(seen.get("ann")?.conversation.lastMessage).to.equal(null);
    expect(seen.get("ann")?.messages.size).to.equal(0);
  });
});
