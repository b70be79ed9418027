import { expect } from "chai";
import * as fc from "fast-check";
import {
  announcementObject,
  conversationObject,
  createPacket,
  deletePacket,
  identityObject,
  identityUri,
  isUserId,
  markAllReadPacket,
  messageObject,
  parsePatchProperty,
  presencePacket,
  recipientStatusPath,
  setObject,
  setValue,
  updatePacket,
} from "./index.ts";

const BASE = "https://api.example";
const UUID = "c0c0c0c0-0000-4000-8000-000000000001";

describe("packets of sockets", () => {
  it("name what they are about by type, id and URL", () => {
    const of = (type: string, kind: string) => ({
      type,
      id: `layer:///${kind}/${UUID}`,
      url: `${BASE}/${kind}/${UUID}`,
    });
    expect(conversationObject(BASE, UUID)).to.deep.equal(of("Conversation", "conversations"));
    expect(messageObject(BASE, UUID)).to.deep.equal(of("Message", "messages"));
    expect(announcementObject(BASE, UUID)).to.deep.equal(of("Announcement", "announcements"));
    expect(identityObject(BASE, "a/b (c)")).to.deep.equal({
      type: "Identity",
      id: "layer:///identities/a%2Fb%20%28c%29",
      url: `${BASE}/identities/a%2Fb%20%28c%29`,
    });
  });

  it("say what happened in the clients' words", () => {
    const object = messageObject(BASE, UUID);
    expect(body(createPacket(object, { a: 1 }))).to.deep.equal([
      "change",
      { operation: "create", object, data: { a: 1 } },
    ]);
    const operations = [setValue("x", null), setObject("last_message", "id", { b: 2 })];
    expect(body(updatePacket(object, operations))).to.deep.equal([
      "change",
      {
        operation: "update",
        object,
        data: [
          { operation: "set", property: "x", value: null },
          { operation: "set", property: "last_message", id: "id", value: { b: 2 } },
        ],
      },
    ]);
    expect(body(deletePacket(object, null))).to.deep.equal(["change", { operation: "delete", object, data: null }]);
    expect(body(markAllReadPacket(object, 5, "a b"))).to.deep.equal([
      "operation",
      {
        method: "Conversation.mark_all_read",
        object,
        data: { position: 5, identity: { id: "layer:///identities/a%20b", user_id: "a b" } },
      },
    ]);
  });

  it("set presence by dotted paths", () => {
    const data = (status: "busy" | "offline", lastSeenAt: number | null) =>
      presencePacket(BASE, "ann", { status, lastSeenAt }).body;
    expect(data("busy", 0)).to.deep.equal({
      operation: "update",
      object: identityObject(BASE, "ann"),
      data: [setValue("presence.status", "busy"), setValue("presence.last_seen_at", "1970-01-01T00:00:00.000Z")],
    });
    expect(data("offline", null)).to.have.deep.nested.property("data[1]", setValue("presence.last_seen_at", null));
  });

  it("name whose status it is with her dots escaped", () => {
    expect(recipientStatusPath("a.b")).to.equal("recipient_status.layer:///identities/a\\.b");
    expect(recipientStatusPath("..")).to.equal("recipient_status.layer:///identities/\\.\\.");
    expect(recipientStatusPath("a\\.b")).to.equal("recipient_status.layer:///identities/a%5C\\.b");
  });

  it("name each user's status by a path that leads back to her, whatever her id", () => {
    const userIds = fc.oneof(
      fc.string({ minLength: 1, maxLength: 128 }),
      fc.string({ unit: fc.constantFrom(...Array.from("a.\\/:%~")), minLength: 1, maxLength: 8 }),
    );
    fc.assert(
      fc.property(userIds.filter(isUserId), (userId) => {
        expect(parsePatchProperty(recipientStatusPath(userId))).to.deep.equal([
          "recipient_status",
          identityUri(userId),
        ]);
      }),
    );
  });
});

const body = (packet: { type: string; body: unknown }) => [packet.type, packet.body];
