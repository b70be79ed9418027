import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, idsOf, list, member, members, timeless, uuidOf } from "./support/api-client.ts";
import { addBackend, type Backend, signIn, type UserClient, userClient } from "./support/sign-in.ts";
import { identityId, openWorld, PUBLIC_URL, textPart, type World } from "./support/world.ts";

/** What users' own clients call (client API 1 to 5), with sessions that they have begun as clients do. */
export function clientApi(world: () => World): void {
  describe("the Client API", () => {
    let backend: Backend;
    let secondGateway: string;
    let [ann, bob] = ["", ""];
    before(async () => {
      backend = await addBackend(world());
      const { platform } = world();
      const second = await platform.start("gateway");
      secondGateway = `http://127.0.0.1:${String((await second.logged("listening"))["port"])}`;
    });
    beforeEach(async () => {
      [ann = "", bob = ""] = await world().users(2);
    });
    const baseUrl = (): string => world().platform.baseUrl;
    const as = async (userId: string): Promise<UserClient> =>
      userClient(baseUrl(), await signIn(baseUrl(), backend, userId));
    const basic = (userId: string) => ({
      id: identityId(userId),
      url: `${PUBLIC_URL}/identities/${userId}`,
      user_id: userId,
      display_name: `Name ${userId}`,
      avatar_url: null,
    });

    it("lets a user in whom nobody has heard of, with the identity that her token gives her", async () => {
      const newcomer = world().newUserId();
      const session = await signIn(baseUrl(), backend, newcomer, { display_name: "Newcomer" });
      const self = expectStatus(await userClient(baseUrl(), session)("GET", `/identities/${newcomer}`), 200);
      expect(self.json).to.include({ id: identityId(newcomer), display_name: "Newcomer", type: "user" });
      expect(member(self.json, "metadata")).to.deep.equal({});
      const seen = expectStatus(await world().api("GET", `/users/${newcomer}/identity`), 200);
      expect(member(seen.json, "display_name")).to.equal("Newcomer");
    });

    it("lets exactly one of 20 in by one nonce, at two gateways at once", async () => {
      const [here, there] = [userClient(baseUrl(), null), userClient(secondGateway, null)];
      const nonce = String(member((await here("POST", "/nonces")).json, "nonce"));
      const replies = await Promise.all(
        Array.from({ length: 20 }, (_, n) => {
          const body = { identity_token: backend.token(`${ann}-${n}`, nonce), app_id: backend.appId };
          return (n % 2 === 0 ? here : there)("POST", "/sessions", { body });
        }),
      );
      const refused = replies.filter(({ status }) => status !== 201);
      expect(refused).to.have.lengthOf(19);
      for (const reply of refused) {
        expect(reply.status).to.equal(422);
        const data = { property: "identity_token", reason: "nonce_used" };
        expect(member(reply.json, "data")).to.deep.equal(data);
      }
    });

    it("knows no key of another app, and none that is disabled, deleted or enabled again", async () => {
      const foreign = await addBackend(await openWorld(world().platform));
      const own = await addBackend(world());
      const anybody = userClient(baseUrl(), null);
      const reasonOf = async (signer: Backend): Promise<unknown> => {
        const nonce = String(member((await anybody("POST", "/nonces")).json, "nonce"));
        const body = { identity_token: signer.token(ann, nonce), app_id: backend.appId };
        const reply = await anybody("POST", "/sessions", { body });
        return reply.status === 201 ? null : member(member(reply.json, "data"), "reason");
      };
      expect(await reasonOf(foreign)).to.equal("key_not_found");
      const key = `/accounts/apps/${own.appId}/identity_providers/${own.providerId}/keys/${own.keyId}`;
      const { account } = world().platform;
      await account.request("PATCH", key, { body: { enabled: false } });
      expect(await reasonOf(own)).to.equal("key_disabled");
      await account.request("PATCH", key, { body: { enabled: true } });
      expect(await reasonOf(own)).to.equal(null);
      await account.request("DELETE", key);
      expect(await reasonOf(own)).to.equal("key_deleted");
    });

    it("ends sessions at both gateways within a second, however they end, and says how to log in again", async () => {
      const endings: Readonly<Record<string, (user: string, session: string) => Promise<unknown>>> = {
        "the backend ends them": (user) => world().api("DELETE", `/users/${user}/sessions`),
        "she is suspended": (user) =>
          world().api("PATCH", `/users/${user}`, { body: [{ operation: "set", property: "suspended", value: true }] }),
        "she is deleted": (user) => world().api("DELETE", `/users/${user}`),
        "she logs out": (_, session) => userClient(secondGateway, null)("DELETE", `/sessions/${session}`),
      };
      for (const [name, end] of Object.entries(endings)) {
        const [user = ""] = await world().users(1);
        const session = await signIn(baseUrl(), backend, user);
        const [here, there] = [userClient(baseUrl(), session), userClient(secondGateway, session)];
        // Both have asked, and remember it for a minute.
        for (const client of [here, there]) expectStatus(await client("GET", "/conversations"), 200);
        await end(user, session);
        for (const client of [here, there]) {
          await eventually(async () => (await client("GET", "/conversations")).status, 401);
        }
        const refused = await here("GET", "/conversations");
        expectError(refused, "authentication_required");
        const nonce = String(member(member(refused.json, "data"), "nonce"));
        // With the dead session's token, as clients do it.
        const body = { identity_token: backend.token(user, nonce), app_id: backend.appId };
        const again = await here("POST", "/sessions", { body });
        if (name === "she is suspended") expectError(again, "user_suspended");
        else expectStatus(again, 201);
      }
    });

    it("ends a session when the app's time for it is over", async () => {
      const short = await openWorld(world().platform);
      const shortBackend = await addBackend(short);
      const patch = [{ operation: "set", property: "session_ttl_in_seconds", value: 30 }];
      expectStatus(await short.api("PATCH", "", { body: patch }), 202);
      const before = Date.now();
      await signIn(baseUrl(), shortBackend, ann);
      const row = await short.platform.db("directory").collection("sessions").findOne({ app: short.appId });
      const expiresAt = Number(row?.["expiresAt"]);
      expect(expiresAt).to.be.within(before + 30_000, Date.now() + 30_000);
      expect(JSON.stringify(row)).not.to.match(/session_token/);
    });

    for (const version of ["2.0", "3.0"] as const) {
      it(`talks: creates, sends, lists, receives, reads, in version ${version}`, async () => {
        const [annClient, bobClient] = [await as(ann), await as(bob)];
        const wanted = { participants: [identityId(bob)], distinct: true, metadata: { title: "Hi" } };
        const created = expectStatus(await annClient("POST", "/conversations", { version, body: wanted }), 201);
        const conversation = uuidOf(created.json);
        const url = `${PUBLIC_URL}/conversations/${conversation}`;
        expect(timeless(created.json)).to.deep.include({
          id: `layer:///conversations/${conversation}`,
          url,
          messages_url: `${url}/messages`,
          distinct: true,
          metadata: { title: "Hi" },
          last_message: null,
          unread_message_count: 0,
        });
        expect(list(member(created.json, "participants"))).to.have.deep.members([basic(ann), basic(bob)]);
        expect(
          uuidOf(expectStatus(await annClient("POST", "/conversations", { version, body: wanted }), 200).json),
        ).to.equal(conversation);
        const other = { ...wanted, metadata: { title: "Other" } };
        expectError(await annClient("POST", "/conversations", { version, body: other }), "conflict");

        const body = { parts: [textPart("hello")] };
        const id = randomUUID();
        const headers = { "If-None-Match": id };
        const messages = `/conversations/${conversation}/messages`;
        const sent = expectStatus(await annClient("POST", messages, { version, body, headers }), 201);
        expect(uuidOf(sent.json)).to.equal(id);
        expectError(await annClient("POST", messages, { version, body, headers }), "id_in_use");

        const received = expectStatus(await bobClient("GET", `${messages}?page_size=10`, { version }), 200);
        expect(received.headers.get("layer-count")).to.equal("1");
        const [message] = list(received.json);
        expect(message).to.deep.include({
          id: `layer:///messages/${id}`,
          url: `${PUBLIC_URL}/messages/${id}`,
          receipts_url: `${PUBLIC_URL}/messages/${id}/receipts`,
          conversation: { id: `layer:///conversations/${conversation}`, url },
          sender: basic(ann),
          is_unread: true,
          recipient_status: { [identityId(ann)]: "read", [identityId(bob)]: "sent" },
        });
        for (const type of ["delivery", "read"]) {
          expectStatus(await bobClient("POST", `/messages/${id}/receipts`, { version, body: { type } }), 204);
        }
        const seen = expectStatus(await annClient("GET", `/messages/${id}`, { version }), 200);
        expect(member(seen.json, "recipient_status")).to.deep.equal({
          [identityId(ann)]: "read",
          [identityId(bob)]: "read",
        });
        const marked = await bobClient("POST", `/conversations/${conversation}/mark_all_read`, {
          version,
          body: { position: null },
        });
        expectStatus(marked, 202);
        for (const sort of ["created_at", "last_message"]) {
          const listed = expectStatus(
            await bobClient("GET", `/conversations?sort_by=${sort}&page_size=5`, { version }),
            200,
          );
          expect(idsOf(listed.json)).to.deep.equal([`layer:///conversations/${conversation}`]);
          expect(list(listed.json)[0]).to.have.nested.property("last_message.id", `layer:///messages/${id}`);
        }
      });
    }

    it("changes participants and metadata, and deletes, for oneself and for all", async () => {
      const [annClient, bobClient] = [await as(ann), await as(bob)];
      const [cid = ""] = await world().users(1);
      const conversation = await world().conversation([ann, bob]);
      const path = `/conversations/${conversation}`;
      const patch = [
        { operation: "add", property: "participants", id: identityId(cid) },
        { operation: "set", property: "metadata.title", value: "Three" },
      ];
      expectStatus(await annClient("PATCH", path, { body: patch }), 204);
      const changed = expectStatus(await bobClient("GET", path), 200).json;
      expect(list(member(changed, "participants"))).to.have.lengthOf(3);
      expect(member(changed, "metadata")).to.deep.equal({ title: "Three" });
      const message = await world().message(conversation, ann);
      expectStatus(await bobClient("DELETE", `/messages/${message}?mode=my_devices`), 204);
      expectError(await bobClient("GET", `/messages/${message}`), "not_found");
      expectStatus(await annClient("GET", `/messages/${message}`), 200);
      expectStatus(await bobClient("DELETE", `${path}?mode=my_devices&leave=true`), 204);
      expect(member(expectStatus(await bobClient("GET", path), 200).json, "participants")).to.deep.equal([]);
      expectStatus(await annClient("DELETE", `${path}?mode=all_participants`), 204);
      expect([404, 410]).to.include((await annClient("GET", path)).status);
    });

    it("takes a message whose notification repeats a text that is too long to be pushed", async () => {
      const annClient = await as(ann);
      const messages = `/conversations/${await world().conversation([ann, bob])}/messages`;
      const notification = { title: "Ann", text: "long ".repeat(1_000) };
      const body = { parts: [textPart("long")], notification };
      expectStatus(await annClient("POST", messages, { body }), 201);
      // A backend, which writes its notifications itself, is told.
      const refused = await world().api("POST", messages, { body: { ...body, sender_id: identityId(ann) } });
      expectError(refused, "invalid_property");
    });

    it("shows announcements to whom they are for, takes their receipts and deletions", async () => {
      const annClient = await as(ann);
      const body = { recipients: [identityId(ann)], sender: { name: "Shop" }, parts: [textPart("news")] };
      const announced = expectStatus(
        await world().api("POST", "/announcements", { version: "1.0", body: { ...body, recipients: [ann] } }),
        202,
      );
      const id = uuidOf(announced.json);
      await eventually(async () => (await annClient("GET", `/announcements/${id}`)).status, 200);
      const { json } = await annClient("GET", "/announcements?page_size=5");
      expect(list(json)[0]).to.deep.include({
        id: `layer:///announcements/${id}`,
        url: `${PUBLIC_URL}/announcements/${id}`,
        receipts_url: `${PUBLIC_URL}/announcements/${id}/receipts`,
        conversation: null,
        is_unread: true,
        recipient_status: { [identityId(ann)]: "sent" },
      });
      expectStatus(await annClient("POST", `/announcements/${id}/receipts`, { body: { type: "read" } }), 204);
      expect(member((await annClient("GET", `/announcements/${id}`)).json, "is_unread")).to.equal(false);
      expectStatus(await annClient("DELETE", `/announcements/${id}`), 204);
      expect((await annClient("GET", `/announcements/${id}`)).status).to.equal(410);
      expectError(await (await as(bob))("GET", `/announcements/${id}`), "not_found");
    });

    it("takes content, and shows it in a message under a URL that can be refreshed", async () => {
      const annClient = await as(ann);
      const conversation = await world().conversation([ann, bob]);
      const bytes = Buffer.alloc(5_000, "x");
      const headers = {
        "Upload-Content-Type": "text/plain",
        "Upload-Content-Length": "5000",
        "Upload-Origin": "http://h",
      };
      const announced = expectStatus(await annClient("POST", "/content", { headers }), 201).json;
      const upload = String(member(announced, "upload_url")).replace(PUBLIC_URL, baseUrl());
      expect((await fetch(upload, { method: "PUT", body: bytes })).status).to.be.within(200, 299);
      const parts = [{ mime_type: "text/plain", content: { id: member(announced, "id"), size: 5_000 } }];
      const sent = await annClient("POST", `/conversations/${conversation}/messages`, { body: { parts } });
      const content = member(list(member(expectStatus(sent, 201).json, "parts"))[0], "content");
      const refresh = String(member(content, "refresh_url")).replace(PUBLIC_URL, "");
      const fresh = expectStatus(await (await as(bob))("GET", refresh), 200).json;
      const download = await fetch(String(member(fresh, "download_url")).replace(PUBLIC_URL, baseUrl()));
      expect((await download.arrayBuffer()).byteLength).to.equal(5_000);
    });

    it("takes content of two users under equal Idempotency-Keys, which have nothing to do with each other", async () => {
      const headers = {
        "Upload-Content-Type": "text/plain",
        "Upload-Content-Length": "5",
        "Idempotency-Key": `one-${randomUUID()}`,
      };
      const announce = async (user: string) =>
        uuidOf(expectStatus(await (await as(user))("POST", "/content", { headers }), 201).json);
      const hers = await announce(ann);
      expect(await announce(bob)).to.not.equal(hers);
      expect(await announce(ann)).to.equal(hers);
    });

    describe("access", () => {
      /** Everything of others that a path could name, with a text in it that nobody else is to see. */
      const secret = `secret-${randomUUID()}`;
      let ids: Readonly<Record<string, string>>;
      before(async () => {
        ids = await belongings(world(), secret);
      });

      const paths = async () => {
        const response = await fetch(`${baseUrl()}/openapi.json`);
        const operations = members(member(await response.json(), "paths")).flatMap(([path, item]) =>
          members(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
        );
        return operations.filter(({ operation }) => JSON.stringify(member(operation, "security")).includes("session"));
      };

      it("is to one's own alone: no operation answers a stranger of the same app, or of another, with others' objects", async () => {
        const elsewhere = await openWorld(world().platform);
        const strangers = {
          "of this app": await as(world().newUserId()),
          "of another app": userClient(
            baseUrl(),
            await signIn(baseUrl(), await addBackend(elsewhere), world().newUserId()),
          ),
        };
        const operations = await paths();
        expect(operations.length).to.be.greaterThan(25);
        const named = operations.filter(({ path }) => /\{(?!other|followed)/.test(path));
        expect(named.length).to.be.greaterThan(15);
        for (const [who, client] of Object.entries(strangers)) {
          for (const { method, path } of operations) {
            const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? "unknown");
            expect(filled, "every parameter has an object").not.to.include("unknown");
            const body = method === "PATCH" ? [] : { parts: [textPart("x")], participants: [], type: "read" };
            const query = method === "DELETE" ? "?mode=all_participants" : "";
            const options = method === "GET" || method === "DELETE" ? {} : { body };
            const reply = await client(method, `${filled}${query}`, options);
            const said = `${method} ${path} by a stranger ${who}: ${reply.status} ${reply.text}`;
            // An identity is there for everybody in the app; what it shows is set per app.
            if (who === "of this app" && path.startsWith("/identities/")) continue;
            expect(reply.text, said).not.to.include(secret);
            if (/\{(conversation|message|announcement|content|part|device|flag|invite)\}/.test(path)) {
              expect([400, 404, 422], said).to.include(reply.status);
            } else if (who === "of another app" && path.includes("{")) {
              expect(reply.status, said).to.equal(method === "DELETE" ? 204 : 404);
            }
          }
        }
      });

      it("has left everything as it was", async () => {
        const { api } = world();
        const conversation = expectStatus(await api("GET", `/conversations/${ids["conversation"]}`), 200);
        expect(member(member(conversation.json, "metadata"), "secret")).to.equal(secret);
        const message = `/conversations/${ids["conversation"]}/messages/${ids["message"]}`;
        const { json } = expectStatus(await api("GET", message), 200);
        expect(Object.values(Object(member(json, "recipient_status")))).not.to.include("delivered");
        const devices = expectStatus(await api("GET", `/users/${ids["other"]}/devices`), 200);
        expect(list(devices.json)).to.have.lengthOf(1);
      });
    });
  });
}

async function belongings(world: World, secret: string): Promise<Readonly<Record<string, string>>> {
  const { api } = world;
  const [owner, peer] = [world.newUserId(), world.newUserId()];
  const body = { display_name: secret, email_address: "e@example.com", phone_number: "123" };
  expectStatus(await api("POST", `/users/${owner}/identity`, { body }), 201);
  const conversation = await world.conversation([owner, peer], { metadata: { secret } });
  const message = await world.message(conversation, owner, secret);
  const announced = await api("POST", "/announcements", {
    body: { recipients: [identityId(owner)], sender_id: identityId(owner), parts: [textPart(secret)] },
  });
  const content = await api("POST", `/users/${owner}/conversations/${conversation}/content`, {
    headers: { "Upload-Content-Type": "text/plain", "Upload-Content-Length": "1" },
  });
  const parts = await api("GET", `/conversations/${conversation}/messages/${message}/parts`);
  const flagged = { body: { by: owner, reason: "spam", comment: secret } };
  const flag = expectStatus(await api("POST", `/users/${peer}/flags`, flagged), 201);
  const guest = { user_id: identityId(peer), metadata: { secret } };
  const elsewhere = await world.conversation([owner]);
  const invite = expectStatus(await api("POST", `/conversations/${elsewhere}/invites`, { body: guest }), 201);
  const device = "phone";
  const registered = { token: "ab12", type: "apns", device_id: device };
  expectStatus(await api("POST", `/users/${owner}/push_tokens`, { body: registered }), 202);
  return {
    conversation,
    message,
    part: uuidOf(list(parts.json)[0]),
    announcement: uuidOf(expectStatus(announced, 202).json),
    content: uuidOf(expectStatus(content, 201).json),
    device,
    flag: uuidOf(flag.json),
    invite: uuidOf(invite.json),
    member: owner,
    user: owner,
    other: owner,
    followed: owner,
    token: "x",
  };
}
