import { expect } from "chai";
import { apply, createState, messagesOf, put, type State } from "./state.js";

const [ME, BOB] = ["layer:///identities/a.nn", "layer:///identities/bob"] as const;
const TALK = "layer:///conversations/1";

const message = (n: number, more: object = {}) => ({
  id: `layer:///messages/${n}`,
  conversation: { id: TALK },
  position: n,
  is_unread: true,
  recipient_status: { [ME]: "sent", [BOB]: "read" },
  ...more,
});
const change = (operation: string, type: string, id: string, data: unknown) => ({
  type: "change",
  body: { operation, object: { type, id }, data },
});

const set = (property: string, value: unknown) => [{ operation: "set", property, value }];

describe("what the chat's page knows", () => {
  let state: State;
  beforeEach(() => {
    state = createState(ME);
    put(state, "conversations", [{ id: TALK, unread_message_count: 3, last_message: null }]);
    put(state, "messages", [message(3), message(1), message(2)]);
  });
  const ids = () => messagesOf(state, TALK).map(({ id }) => Number(id.split("/").at(-1)));

  it("takes a packet that comes twice as one, and orders messages by their positions", () => {
    const packet = change("create", "Message", "layer:///messages/4", message(4));
    for (const again of [packet, packet]) expect(apply(state, again)).to.deep.equal([]);
    expect(ids()).to.deep.equal([1, 2, 3, 4]);
  });

  it("sets what an update says, with the dots of a user's id, and takes her own read for read", () => {
    apply(state, change("update", "Conversation", TALK, set("unread_message_count", 2)));
    apply(
      state,
      change(
        "update",
        "Message",
        "layer:///messages/1",
        set(String.raw`recipient_status.layer:///identities/a\.nn`, "read"),
      ),
    );
    expect(state.conversations.get(TALK)).to.include({ unread_message_count: 2 });
    expect(state.messages.get("layer:///messages/1")).to.deep.include({
      is_unread: false,
      recipient_status: { [ME]: "read", [BOB]: "read" },
    });
  });

  it("asks for what a packet does not say in full, and for conversations that it has not heard of", () => {
    const added = [{ operation: "add", property: "participants", id: BOB, value: {} }];
    expect(apply(state, change("update", "Conversation", TALK, added))).to.deep.equal([TALK]);
    expect(apply(state, change("update", "Conversation", `${TALK}2`, []))).to.deep.equal([`${TALK}2`]);
    expect(apply(state, change("update", "Message", "layer:///messages/9", []))).to.deep.equal([]);
    const part = "layer:///messages/1/parts/0";
    expect(apply(state, change("update", "MessagePart", part, []))).to.deep.equal(["layer:///messages/1"]);
  });

  it("marks read up to a position, for whom it is said", () => {
    const data = { position: 2, identity: { id: ME } };
    apply(state, { type: "operation", body: { method: "Conversation.mark_all_read", object: { id: TALK }, data } });
    const unread = [1, 2, 3].filter((n) =>
      JSON.stringify(state.messages.get(`layer:///messages/${n}`)).includes('"is_unread":true'),
    );
    expect(unread).to.deep.equal([3]);
  });

  it("forgets what is cleared up to a position, and a deleted conversation with all that was in it", () => {
    apply(state, change("delete", "Conversation", TALK, { mode: "my_devices", from_position: 2 }));
    expect(ids()).to.deep.equal([3]);
    apply(state, change("delete", "Conversation", TALK, { mode: "all_participants", from_position: null }));
    expect([state.conversations.size, state.messages.size]).to.deep.equal([0, 0]);
  });
});
