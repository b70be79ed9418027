import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { expectError, expectStatus, idsOf, list, member, timeless, uuidOf, VERSIONS } from "./support/api-client.ts";
import { basic, identityId, textPart, userRef, type World } from "./support/world.ts";

/** Sections 6.3 and 11: every path below a user acts as that user. */
export function userDoor(world: () => World): void {
  describe("in a user's name (sections 6.3 and 11)", () => {
    let [ann, bob, cid]: [string, string, string] = ["", "", ""];
    beforeEach(async () => {
      [ann = "", bob = "", cid = ""] = await world().users(3);
    });
    const as = (user: string, method: string, path: string, options: object = {}) =>
      world().api(method, `/users/${user}${path}`, options);
    const conversationOf = (user: string, id: string) => as(user, "GET", `/conversations/${id}`);
    const textsOf = async (user: string, id: string) =>
      list(expectStatus(await as(user, "GET", `/conversations/${id}/messages`), 200).json)
        .map((row) => member(list(member(row, "parts"))[0], "body"))
        .toReversed();

    for (const version of VERSIONS) {
      it(`shows a conversation as its user sees it in version ${version}`, async () => {
        const id = await world().conversation([ann, bob]);
        const message = await world().message(id, bob, "hi");
        const mine = `${world().base}/users/${ann}`;
        const isBare = version.startsWith("1.");
        const { json } = await as(ann, "GET", `/conversations/${id}`, { version });
        const last = member(json, "last_message");
        expect(timeless({ ...Object(json), last_message: uuidOf(last) })).to.deep.equal({
          id: `layer:///conversations/${id}`,
          url: `${mine}/conversations/${id}`,
          messages_url: `${mine}/conversations/${id}/messages`,
          created_at: "<time>",
          participants: isBare ? [ann, bob] : [basic(world().base, ann), basic(world().base, bob)],
          distinct: false,
          metadata: {},
          last_message: message,
          unread_message_count: 1,
          total_message_count: 1,
        });
        expect(timeless({ ...Object(last), parts: [], url: "", conversation: null })).to.deep.include({
          receipts_url: `${mine}/messages/${message}/receipts`,
          position: 2 ** 20,
          is_unread: true,
          received_at: null,
          sender: isBare ? { user_id: bob, name: null } : basic(world().base, bob),
          recipient_status: { [userRef(version, bob)]: "read", [userRef(version, ann)]: "sent" },
        });
      });
    }

    it("lists her conversations newest first, by creation or by last message, in pages", async () => {
      const ids: string[] = [];
      for (let n = 0; n < 4; n += 1) ids.push(await world().conversation([ann, bob]));
      await world().message(ids[1] ?? "", bob);
      const page = async (query: string) => {
        const reply = expectStatus(await as(ann, "GET", `/conversations?${query}`), 200);
        expect(reply.headers.get("layer-count")).to.equal("4");
        return idsOf(reply.json).map((id) => ids.indexOf(id.split("/").at(-1) ?? ""));
      };
      expect(await page("")).to.deep.equal([3, 2, 1, 0]);
      expect(await page("sort_by=created_at")).to.deep.equal([3, 2, 1, 0]);
      expect(await page("sort_by=last_message")).to.deep.equal([1, 3, 2, 0]);
      expect(await page(`page_size=2&from_id=layer:///conversations/${ids[2]}`)).to.deep.equal([1, 0]);
      expect(await page(`sort_by=last_message&page_size=2&from_id=${ids[1]}`)).to.deep.equal([3, 2]);
    });

    it("says 404 below a user whom nobody knows, and for a conversation that she was never in", async () => {
      const id = await world().conversation([ann]);
      const message = await world().message(id, ann);
      const nobody = world().newUserId();
      for (const path of [
        "/conversations",
        `/conversations/${id}`,
        `/conversations/${id}/messages`,
        "/announcements",
      ]) {
        expectError(await as(nobody, "GET", path), "not_found");
      }
      for (const path of [`/conversations/${id}`, `/conversations/${id}/messages`, `/messages/${message}`]) {
        expectError(await as(bob, "GET", path), "not_found");
      }
      expectError(
        await as(bob, "POST", `/conversations/${id}/messages`, { body: { parts: [textPart("x")] } }),
        "not_found",
      );
    });

    it("shows who has left what was said until then, without participants, and lets her write no more", async () => {
      const id = await world().conversation([ann, bob]);
      await world().message(id, ann, "before");
      const remove = [{ operation: "remove", property: "participants", id: identityId(bob) }];
      expectStatus(await world().api("PATCH", `/conversations/${id}`, { body: remove }), 204);
      await world().message(id, ann, "after");
      const { json } = expectStatus(await conversationOf(bob, id), 200);
      expect(member(json, "participants")).to.deep.equal([]);
      expect(member(list(member(member(json, "last_message"), "parts"))[0], "body")).to.equal("before");
      expect(idsOf((await as(bob, "GET", "/conversations")).json)).to.deep.equal([`layer:///conversations/${id}`]);
      expect(await textsOf(bob, id)).to.deep.equal(["before"]);
      expect(await textsOf(ann, id)).to.deep.equal(["before", "after"]);
      expectError(
        await as(bob, "POST", `/conversations/${id}/messages`, { body: { parts: [textPart("x")] } }),
        "access_denied",
      );
      const add = [{ operation: "add", property: "participants", id: identityId(bob) }];
      expectError(await as(bob, "PATCH", `/conversations/${id}`, { body: add }), "access_denied");
      expectStatus(await world().api("PATCH", `/conversations/${id}`, { body: add }), 204);
      expect(await textsOf(bob, id)).to.deep.equal(["before", "after"]);
    });

    it("creates with herself among the participants, changes and writes as herself", async () => {
      const reply = expectStatus(
        await as(ann, "POST", "/conversations", { body: { participants: [identityId(bob)], metadata: { k: "v" } } }),
        201,
      );
      const id = uuidOf(reply.json);
      expect(idsOf(member(reply.json, "participants")).toSorted()).to.deep.equal([ann, bob].map(identityId).toSorted());
      const add = [{ operation: "add", property: "participants", id: identityId(cid) }];
      expectStatus(await as(ann, "PATCH", `/conversations/${id}`, { body: add }), 204);
      const message = randomUUID();
      const sent = await as(ann, "POST", `/conversations/${id}/messages`, {
        body: { parts: [textPart("hi")] },
        id: message,
      });
      expect(member(expectStatus(sent, 201).json, "id")).to.equal(`layer:///messages/${message}`);
      for (const path of [`/messages/${message}`, `/conversations/${id}/messages/${message}`]) {
        const { json } = expectStatus(await as(cid, "GET", path), 200);
        expect(member(json, "sender")).to.deep.equal(basic(world().base, ann));
        expect(member(json, "is_unread")).to.equal(true);
      }
    });

    it("records delivered and read, which only move forward and imply each other", async () => {
      const id = await world().conversation([ann, bob]);
      const message = await world().message(id, ann);
      const receipt = (user: string, type: string) =>
        as(user, "POST", `/messages/${message}/receipts`, { body: { type } });
      const seen = async () => {
        const { json } = await as(bob, "GET", `/messages/${message}`);
        const status = member(member(json, "recipient_status"), identityId(bob));
        const unread = member((await conversationOf(bob, id)).json, "unread_message_count");
        return [status, member(json, "is_unread"), unread];
      };
      expect(await seen()).to.deep.equal(["sent", true, 1]);
      expectStatus(await receipt(bob, "delivery"), 204);
      expect(await seen()).to.deep.equal(["delivered", true, 1]);
      const { json } = await as(bob, "GET", `/messages/${message}`);
      expect(member(json, "received_at")).to.be.a("string");
      expectStatus(await receipt(bob, "read"), 204);
      expect(await seen()).to.deep.equal(["read", false, 0]);
      expectStatus(await receipt(bob, "delivered"), 204);
      expectStatus(await receipt(bob, "read"), 204);
      expect(await seen()).to.deep.equal(["read", false, 0]);
      expectError(await receipt(cid, "read"), "not_found");
      expectError(await receipt(bob, "eaten"), "invalid_property", "type");
    });

    it("deletes a message for herself or for all", async () => {
      const id = await world().conversation([ann, bob]);
      const [one, two] = [await world().message(id, ann, "one"), await world().message(id, ann, "two")];
      expectStatus(await as(bob, "DELETE", `/messages/${one}?mode=my_devices`), 204);
      expect(await textsOf(bob, id)).to.deep.equal(["two"]);
      expect((await as(bob, "GET", `/conversations/${id}/messages`)).headers.get("layer-count")).to.equal("1");
      expectError(await as(bob, "GET", `/messages/${one}`), "not_found");
      expect(member((await conversationOf(bob, id)).json, "unread_message_count")).to.equal(1);
      expect(await textsOf(ann, id)).to.deep.equal(["one", "two"]);
      expectStatus(await as(ann, "DELETE", `/messages/${two}?mode=all_participants`), 204);
      expect(await textsOf(bob, id)).to.deep.equal([]);
      expect(await textsOf(ann, id)).to.deep.equal(["one"]);
      expect(member((await conversationOf(bob, id)).json, "last_message")).to.equal(null);
      expectError(await as(ann, "DELETE", `/messages/${one}?mode=sideways`), "invalid_property", "mode");
    });

    it("deletes a conversation for herself until the next message, leaving it or not, or for all", async () => {
      const id = await world().conversation([ann, bob, cid]);
      await world().message(id, ann, "old");
      expectStatus(await as(bob, "DELETE", `/conversations/${id}?mode=my_devices&leave=false`), 204);
      expect(idsOf((await as(bob, "GET", "/conversations")).json)).to.deep.equal([]);
      await world().message(id, ann, "new");
      expect(idsOf((await as(bob, "GET", "/conversations")).json)).to.have.length(1);
      expect(await textsOf(bob, id)).to.deep.equal(["new"]);
      expectStatus(await as(cid, "DELETE", `/conversations/${id}?mode=my_devices&leave=true`), 204);
      const { json } = await world().api("GET", `/conversations/${id}`);
      expect(idsOf(member(json, "participants"))).to.deep.equal([ann, bob].map(identityId));
      expectStatus(await as(ann, "DELETE", `/conversations/${id}?mode=all_participants`), 204);
      expectError(await world().api("GET", `/conversations/${id}`), "object_deleted");
      expect(idsOf((await as(bob, "GET", "/conversations")).json)).to.deep.equal([]);
    });
  });
}
