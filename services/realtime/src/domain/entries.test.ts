import { expect } from "chai";
import { CONVERSATION_ID, MESSAGE_ID } from "../../test/seen.ts";
import * as entries from "./entries.ts";

const here = { conversationId: CONVERSATION_ID };
const hers = { ...here, messageId: MESSAGE_ID };
const ANNOUNCEMENT = "b0b0b0b0-0000-4000-8000-000000000003";

describe("whom sockets are told of an event for", () => {
  it("is the sender's other devices beside whoever shall get a message, and nobody for a bare name", () => {
    const message = { ...hers, position: 1, sentAt: 1, recipients: ["ann"], hasNotification: false };
    const told = entries.toldOfMessage({ ...message, sender: { userId: "bob" } });
    expect(told).to.deep.equal({ change: { kind: "message-created", ...hers }, to: { users: ["ann", "bob"] } });
    expect(to(entries.toldOfMessage({ ...message, sender: { name: "Shop" } }))).to.deep.equal({ users: ["ann"] });
  });

  it("is who came, who stayed and who went", () => {
    const payload = { ...here, added: ["cid"], removed: ["eve"], participants: ["ann", "cid"], at: 1 };
    expect(entries.toldOfParticipants(payload)).to.deep.equal({
      change: { kind: "participants-changed", ...here, added: ["cid"], removed: ["eve"] },
      to: { users: ["ann", "cid", "eve"] },
    });
  });

  it("is everybody in a conversation for what is gone from all views, and one user for what is gone from hers", () => {
    const deleted = (userId: string | null) => entries.toldOfDeletedMessage({ ...hers, userId, position: 1, at: 1 });
    expect(deleted(null)).to.deep.equal({
      change: { kind: "message-deleted", ...hers, isForAll: true },
      to: { users: [], participantsOf: CONVERSATION_ID },
    });
    expect(deleted("ann")).to.deep.equal({
      change: { kind: "message-deleted", ...hers, isForAll: false },
      to: { users: ["ann"] },
    });
    expect(to(entries.toldOfDeletedConversation({ ...here, participants: ["ann"], at: 1 }))).to.deep.equal({
      users: ["ann"],
    });
    expect(to(entries.toldOfCleared({ ...here, userId: "ann", throughPosition: 3, at: 1 }))).to.deep.equal({
      users: ["ann"],
    });
  });

  it("is also who has read, where she has left since", () => {
    const read = entries.toldOfRead({ ...here, userId: "ann", throughPosition: 4, at: 1 });
    expect(to(read)).to.deep.equal({ users: ["ann"], participantsOf: CONVERSATION_ID });
    const receipts = [{ userId: "bob", kind: "read" as const, at: 9 }];
    expect(entries.toldOfMessageReceipts({ ...hers, position: 1, receipts })).to.deep.equal({
      change: { kind: "message-receipts", ...hers, receipts: [{ userId: "bob", kind: "read" }] },
      to: { users: ["bob"], participantsOf: CONVERSATION_ID },
    });
  });

  it("is her own devices alone for what she did with an announcement, and all of the app where it changes", () => {
    const receipts = [{ userId: "ann", kind: "opened" as const, at: 1 }];
    expect(to(entries.toldOfAnnouncementReceipts({ announcementId: ANNOUNCEMENT, receipts }))).to.deep.equal({
      users: ["ann"],
    });
    expect(to(entries.toldOfWithdrawal({ announcementId: ANNOUNCEMENT, version: 1, at: 1 }))).to.deep.equal({
      users: [entries.EVERYBODY],
    });
  });

  it("is those who follow her, and herself, for who she is; herself alone for whom she follows", () => {
    const changed = entries.toldOfIdentity({ userId: "ann", version: 1 });
    expect(to(changed)).to.deep.equal({ users: ["ann"], followersOf: "ann" });
    const following = { userId: "ann", followed: ["bob"], unfollowed: [] };
    expect(to(entries.toldOfFollowing({ ...following, at: 1 }))).to.deep.equal({ users: ["ann"] });
  });
});

const to = (told: entries.Told) => told.to;
