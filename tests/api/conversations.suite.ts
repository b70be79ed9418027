import { randomUUID } from "node:crypto";
import { expect } from "chai";
import {
  BARE,
  expectError,
  expectStatus,
  idsOf,
  list,
  member,
  timeless,
  URIS,
  uuidOf,
  VERSIONS,
} from "./support/api-client.ts";
import { basic, identityId, textPart, userRef, type World } from "./support/world.ts";

/** Section 6, and 4.3. */
export function conversations(world: () => World): void {
  describe("conversations (section 6)", () => {
    let users: readonly string[];
    let [ann, bob, cid]: [string, string, string] = ["", "", ""];
    before(async () => {
      users = await world().users(3);
      [ann = "", bob = "", cid = ""] = users;
    });
    const create = (body: unknown, options: object = {}) => world().api("POST", "/conversations", { body, ...options });
    const get = (id: string, version: (typeof VERSIONS)[number] = "3.0") =>
      world().api("GET", `/conversations/${id}`, { version });
    const patch = (id: string, operations: unknown, version: (typeof VERSIONS)[number] = "3.0") =>
      world().api("PATCH", `/conversations/${id}`, { body: operations, version });
    const participantsOf = async (id: string) => member((await get(id, "1.0")).json, "participants");
    const metadataOf = async (id: string) => member((await get(id)).json, "metadata");

    for (const version of VERSIONS) {
      it(`creates and shows one in version ${version}`, async () => {
        const id = randomUUID();
        const participants = [bob, ann].map((userId) => userRef(version, userId));
        const reply = expectStatus(
          await create({ participants, metadata: { k: "v", n: { m: "w" } } }, { version, id }),
          201,
        );
        const expected = {
          id: `layer:///conversations/${id}`,
          url: `${world().base}/conversations/${id}`,
          messages_url: `${world().base}/conversations/${id}/messages`,
          created_at: "<time>",
          participants: version.startsWith("1.") ? [bob, ann] : [basic(world().base, bob), basic(world().base, ann)],
          distinct: false,
          metadata: { k: "v", n: { m: "w" } },
        };
        expect(timeless(reply.json)).to.deep.equal(expected);
        expect(reply.headers.get("location")).to.equal(null);
        expect(timeless((await get(id, version)).json)).to.deep.equal(expected);
      });
    }

    it("takes bare ids in 2.0 and later, as recorded", async () => {
      for (const version of URIS) {
        const reply = expectStatus(await create({ participants: [ann] }, { version }), 201);
        expect(member(reply.json, "participants")).to.deep.equal([basic(world().base, ann)]);
      }
    });

    it("has no metadata where none was given", async () => {
      const reply = await create({ participants: [identityId(ann)] });
      expect(member(reply.json, "metadata")).to.deep.equal({});
    });

    it("makes users known who were never seen, in every version", async () => {
      for (const version of VERSIONS) {
        const stranger = world().newUserId();
        expectError(await world().api("GET", `/users/${stranger}/conversations`), "not_found");
        const reply = expectStatus(await create({ participants: [userRef(version, stranger)] }, { version }), 201);
        expect(idsOf((await world().api("GET", `/users/${stranger}/conversations`)).json)).to.deep.equal([
          member(reply.json, "id"),
        ]);
        expectError(await world().api("GET", `/users/${stranger}/identity`), "not_found");
      }
    });

    it("shows a participant without an identity by her id alone", async () => {
      const stranger = world().newUserId();
      const reply = await create({ participants: [identityId(stranger)] });
      expect(member(reply.json, "participants")).to.deep.equal([
        { ...basic(world().base, stranger), display_name: null },
      ]);
    });

    it("names what is missing or wrong, what is missing first", async () => {
      expectError(await create({}), "missing_property", "participants");
      expectError(await create({ metadata: { a: 1 } }), "missing_property", "participants");
      expectError(await create({ participants: null }), "missing_property", "participants");
      for (const participants of [[], "u", [1], [""], ["x".repeat(129)]]) {
        expectError(await create({ participants }), "invalid_property", "participants");
      }
      expectError(await create({ participants: [identityId(ann)], distinct: "yes" }), "invalid_property", "distinct");
      for (const [metadata, property] of [
        [{ a: 1 }, "metadata.a"],
        [{ a: { b: [] } }, "metadata.a.b"],
        [{ a: null }, "metadata.a"],
        [{ a: true }, "metadata.a"],
        ["text", "metadata"],
      ] as const) {
        expectError(await create({ participants: [identityId(ann)], metadata }), "invalid_property", property);
      }
    });

    it("collapses participants named twice", async () => {
      const id = uuidOf((await create({ participants: [ann, bob, ann].map(identityId) })).json);
      expect(await participantsOf(id)).to.deep.equal([ann, bob]);
    });

    it("takes 250 participants and no more, and metadata of 2 KB and no more", async () => {
      const many = Array.from({ length: 251 }, (_, n) => identityId(`crowd-${n}`));
      expectError(await create({ participants: many }), "invalid_property", "participants");
      expectStatus(await create({ participants: many.slice(1) }), 201);
      const metadata = (bytes: number) => ({ k: "x".repeat(bytes - '{"k":""}'.length) });
      expectStatus(await create({ participants: [ann], metadata: metadata(2_048) }), 201);
      expectError(await create({ participants: [ann], metadata: metadata(2_049) }), "invalid_property", "metadata");
    });

    it("finds a distinct conversation again: 200 with the same or no metadata, 409 with other", async () => {
      const [dan = "", eve = ""] = await world().users(2);
      const distinct = (metadata?: unknown, participants = [dan, eve]) =>
        create({
          participants: participants.map(identityId),
          distinct: true,
          ...(metadata === undefined ? {} : { metadata }),
        });
      const first = expectStatus(await distinct({ a: { b: "c" } }), 201);
      expect(member(first.json, "distinct")).to.equal(true);
      for (const metadata of [undefined, null, { a: { b: "c" } }]) {
        expect(expectStatus(await distinct(metadata, [eve, dan]), 200).json).to.deep.equal(first.json);
      }
      const mismatch = await distinct({ a: { b: "d" } });
      expectError(mismatch, "conflict");
      expect(member(mismatch.json, "data")).to.deep.equal(first.json);
      expect((await get(uuidOf(first.json))).json).to.deep.equal(first.json);
    });

    it("makes a new one beside a distinct one for other participants, without distinct, after a change and after its end", async () => {
      const [dan = "", eve = ""] = await world().users(2);
      const distinct = () => create({ participants: [dan, eve].map(identityId), distinct: true });
      const first = uuidOf(expectStatus(await distinct(), 201).json);
      expectStatus(await create({ participants: [dan, eve].map(identityId) }), 201);
      expectStatus(await create({ participants: [dan, eve, ann].map(identityId), distinct: true }), 201);
      expectStatus(await patch(first, [{ operation: "add", property: "participants", id: identityId(ann) }]), 204);
      expect(member((await get(first)).json, "distinct")).to.equal(false);
      const second = uuidOf(expectStatus(await distinct(), 201).json);
      expect(second).not.to.equal(first);
      expectStatus(await world().api("DELETE", `/conversations/${second}`), 204);
      expectStatus(await distinct(), 201);
    });

    it("creates one distinct conversation, however many ask at once", async () => {
      const [dan = "", eve = ""] = await world().users(2);
      const replies = await Promise.all(
        Array.from({ length: 10 }, () => create({ participants: [dan, eve].map(identityId), distinct: true })),
      );
      expect(new Set(replies.map(({ json }) => uuidOf(json))).size).to.equal(1);
      expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).to.deep.equal([
        ...Array<number>(9).fill(200),
        201,
      ]);
    });

    it("says 404 for one that never was and 410 for a deleted one, to whatever is done with it", async () => {
      const gone = await world().conversation([ann]);
      expectStatus(await world().api("DELETE", `/conversations/${gone}`), 204);
      expectStatus(await world().api("DELETE", `/conversations/${gone}`), 204);
      const never = randomUUID();
      const message = { sender_id: identityId(ann), parts: [textPart("x")] };
      for (const [id, error] of [
        [never, "not_found"],
        [gone, "object_deleted"],
      ] as const) {
        expectError(await get(id), error);
        expectError(await patch(id, [{ operation: "add", property: "participants", value: bob }]), error);
        expectError(await world().api("POST", `/conversations/${id}/messages`, { body: message }), error);
        expectError(await world().api("GET", `/conversations/${id}/messages`), error);
      }
      expectError(await world().api("DELETE", `/conversations/${never}`), "not_found");
      expectError(await get("not-a-uuid"), "not_found");
    });

    it("looks at a body before it looks whether the conversation is there, as recorded", async () => {
      const gone = await world().conversation([ann]);
      await world().api("DELETE", `/conversations/${gone}`);
      const reply = await world().api("POST", `/conversations/${gone}/messages`, { body: {}, version: "1.0" });
      expectError(reply, "missing_property", "sender");
    });

    for (const version of VERSIONS) {
      const isBare = BARE.includes(version);
      it(`adds, removes and sets participants by Layer-Patch in version ${version}`, async () => {
        const id = await world().conversation([ann]);
        const one = (userId: string) => (isBare ? { value: userId } : { id: identityId(userId) });
        expectStatus(
          await patch(
            id,
            [
              { operation: "add", property: "participants", ...one(bob) },
              { operation: "add", property: "participants", ...one(bob) },
              { operation: "remove", property: "participants", ...one(cid) },
            ],
            version,
          ),
          204,
        );
        expect(await participantsOf(id)).to.deep.equal([ann, bob]);
        const value = [cid, bob].map((userId) => userRef(version, userId));
        expectStatus(await patch(id, [{ operation: "set", property: "participants", value }], version), 204);
        expect(await participantsOf(id)).to.deep.equal([cid, bob]);
        if (isBare) return;
        expectStatus(
          await patch(id, [{ operation: "add", property: "participants", value: identityId(ann) }], version),
          204,
        );
        expect(await participantsOf(id)).to.deep.equal([cid, bob, ann]);
      });
    }

    it("sets and deletes metadata at any depth, a literal dot escaped", async () => {
      const id = await world().conversation([ann], { metadata: { keep: "1", drop: "2" } });
      expectStatus(
        await patch(id, [
          { operation: "set", property: "metadata.a.b", value: "3" },
          { operation: "set", property: "metadata.o", value: { p: { q: "4" } } },
          { operation: "set", property: "metadata.dot\\.ted", value: "5" },
          { operation: "delete", property: "metadata.drop" },
          { operation: "delete", property: "metadata.never.was" },
        ]),
        204,
      );
      expect(await metadataOf(id)).to.deep.equal({ keep: "1", a: { b: "3" }, o: { p: { q: "4" } }, "dot.ted": "5" });
      expectStatus(await patch(id, [{ operation: "set", property: "metadata", value: { all: "new" } }]), 204);
      expect(await metadataOf(id)).to.deep.equal({ all: "new" });
      expectStatus(await patch(id, [{ operation: "delete", property: "metadata" }]), 204);
      expect(await metadataOf(id)).to.deep.equal({});
    });

    it("applies all operations of a patch or none, and names what is wrong", async () => {
      const id = await world().conversation([ann], { metadata: { a: "text" } });
      const good = { operation: "set", property: "metadata.b", value: "2" };
      for (const [operation, property] of [
        [{ operation: "set", property: "distinct", value: true }, "distinct"],
        [{ operation: "set", property: "metadata.c", value: 7 }, "metadata.c"],
        [{ operation: "add", property: "metadata.c", value: "x" }, "metadata.c"],
        [{ operation: "set", property: "metadata.a.b", value: "x" }, "metadata.a.b"],
        [{ operation: "delete", property: "participants" }, "participants"],
        [{ operation: "invent", property: "participants", value: bob }, "operation"],
        [{ operation: "add", property: "participants", value: [bob] }, "value"],
        [{ operation: "set", property: "participants", value: [] }, "participants"],
      ] as const) {
        expectError(await patch(id, [good, operation]), "invalid_property", property);
      }
      expectError(await patch(id, { operation: "set" }), "invalid_request");
      expect(await metadataOf(id)).to.deep.equal({ a: "text" });
    });

    it("keeps the limits when a patch is applied", async () => {
      const id = await world().conversation([ann], { metadata: { k: "x".repeat(1_900) } });
      const value = Array.from({ length: 251 }, (_, n) => identityId(`crowd-${n}`));
      expectError(
        await patch(id, [{ operation: "set", property: "participants", value }]),
        "invalid_property",
        "participants",
      );
      const more = [{ operation: "set", property: "metadata.more", value: "x".repeat(200) }];
      expectError(await patch(id, more), "invalid_property", "metadata");
    });

    it("may lose its last participant by remove, and is still there for the backend", async () => {
      const id = await world().conversation([ann]);
      expectStatus(await patch(id, [{ operation: "remove", property: "participants", value: identityId(ann) }]), 204);
      expect(member(expectStatus(await get(id), 200).json, "participants")).to.deep.equal([]);
    });

    it("marks everything read, in 2.0 and later", async () => {
      const id = await world().conversation([ann, bob]);
      const read = (user: string, body?: unknown, version: (typeof VERSIONS)[number] = "3.0") =>
        world().api("POST", `/users/${user}/conversations/${id}/mark_all_read`, {
          version,
          ...(body === undefined ? {} : { body }),
        });
      expect(expectStatus(await read(bob), 202).json).to.deep.equal({ position: 0 });
      const ids = [await world().message(id, ann), await world().message(id, ann), await world().message(id, ann)];
      const rows = list((await world().api("GET", `/conversations/${id}/messages`)).json);
      const middle = member(rows[1], "position");
      expect(expectStatus(await read(bob, { position: middle }), 202).json).to.deep.equal({ position: middle });
      const unread = async () =>
        member((await world().api("GET", `/users/${bob}/conversations/${id}`)).json, "unread_message_count");
      expect(await unread()).to.equal(1);
      expect(expectStatus(await read(bob, { position: null }), 202).json).to.deep.equal({
        position: member(rows[0], "position"),
      });
      expect(await unread()).to.equal(0);
      const last = await world().api("GET", `/conversations/${id}/messages/${ids[2]}`);
      expect(member(member(last.json, "recipient_status"), identityId(bob))).to.equal("read");
      expectError(await read(cid), "access_denied");
      for (const version of BARE) expectError(await read(bob, {}, version), "invalid_endpoint");
      expectError(await read(bob, { position: "x" }), "invalid_property", "position");
    });
  });
}
