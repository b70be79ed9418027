import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { expectError, expectStatus, member, timeless, VERSIONS } from "./support/api-client.ts";
import { identityId, textPart, type World } from "./support/world.ts";

const accept = (value: string) => ({ headers: { Accept: value } });

/** Sections 2 and 3: what is the same for every endpoint. */
export function transport(world: () => World): void {
  describe("transport (sections 2 and 3)", () => {
    let conversation: string;
    let user: string;
    before(async () => {
      [user = ""] = await world().users(1);
      conversation = await world().conversation([user]);
    });
    const get = (headers: { headers: Record<string, string> }) =>
      world().api("GET", `/conversations/${conversation}`, headers);

    for (const version of VERSIONS) {
      it(`speaks version ${version} where Accept asks for it, also with other spacing and letter case`, async () => {
        for (const value of [
          `application/vnd.layer+json; version=${version}`,
          `application/vnd.layer+json;version=${version}`,
          `Application/Vnd.Layer+JSON ; Version=${version}`,
        ]) {
          expectStatus(await get(accept(value)), 200);
        }
      });
    }

    it("speaks the newest version to whoever names none", async () => {
      const newest = await get(accept("application/vnd.layer+json; version=3.0"));
      for (const value of ["*/*", "application/json", ""]) {
        expect((await get(accept(value))).json).to.deep.equal(newest.json);
      }
    });

    it("refuses a version that there is not with invalid_header, naming the header", async () => {
      for (const version of ["1.2", "4.0", "x"]) {
        const reply = await get(accept(`application/vnd.layer+json; version=${version}`));
        expectError(reply, "invalid_header");
        expect(member(member(reply.json, "data"), "header")).to.equal("Accept");
      }
    });

    it("asks for a token before it looks at anything else", async () => {
      const wrong = { headers: { Accept: "application/vnd.layer+json; version=9" } };
      expectError(await world().api("GET", "/conversations/x", { token: null, ...wrong }), "authentication_required");
      expectError(
        await world().api("POST", "/conversations", { token: "nonsense", raw: "{" }),
        "authentication_required",
      );
    });

    it("takes the scheme of Authorization in any letter case", async () => {
      const app = await world().platform.createApp();
      for (const scheme of ["Bearer", "bearer", "BEARER"]) {
        const response = await fetch(`${world().platform.baseUrl}/apps/${app.appId}`, {
          headers: { Authorization: `${scheme} ${app.token}` },
        });
        expect(response.status).to.equal(200);
      }
    });

    it("refuses the token of another app with invalid_app_id", async () => {
      const other = await world().platform.createApp();
      expectError(await world().api("GET", `/conversations/${conversation}`, { token: other.token }), "invalid_app_id");
    });

    it("says 404 invalid_endpoint for a path that there is not", async () => {
      for (const path of ["/nonsense", "/conversations/x/y/z", `/users/${user}/nonsense`]) {
        expectError(await world().api("GET", path), "invalid_endpoint");
      }
    });

    it("says 405 with Allow for a method that a path does not have", async () => {
      for (const [method, path, allowed] of [
        ["PUT", "/conversations", ["POST"]],
        ["POST", `/conversations/${conversation}`, ["DELETE", "GET", "PATCH"]],
        ["DELETE", "/announcements", ["POST"]],
        ["PATCH", `/users/${user}/badge`, ["GET", "PUT"]],
      ] as const) {
        const reply = await world().api(method, path, { body: [] });
        expectError(reply, "method_not_allowed");
        const allow = (reply.headers.get("allow") ?? "").split(/, */);
        expect(allow.filter((one) => one !== "HEAD").toSorted()).to.deep.equal(allowed);
      }
    });

    it("takes POST with X-HTTP-Method-Override as PATCH", async () => {
      const reply = await world().api("POST", `/conversations/${conversation}`, {
        body: [{ operation: "set", property: "metadata.overridden", value: "yes" }],
        headers: { "X-HTTP-Method-Override": "PATCH", "Content-Type": "application/vnd.layer-patch+json" },
      });
      expectStatus(reply, 204);
      const { json } = await world().api("GET", `/conversations/${conversation}`);
      expect(member(member(json, "metadata"), "overridden")).to.equal("yes");
    });

    it("wants the type of a Layer-Patch on PATCH, and knows its misspelling", async () => {
      const patch = (type: string) =>
        world().api("PATCH", `/conversations/${conversation}`, { body: [], headers: { "Content-Type": type } });
      expectStatus(await patch("application/vnd.layer-patch+json"), 204);
      expectStatus(await patch("application/vnd.layer-patch.json"), 204);
      expectStatus(await patch("application/vnd.layer-patch+json; charset=utf-8"), 204);
      const reply = await patch("application/json");
      expectError(reply, "invalid_header");
      expect(member(member(reply.json, "data"), "header")).to.equal("Content-Type");
    });

    it("takes JSON under any type on POST, and says which body it cannot read", async () => {
      const post = (raw: string, type: string) =>
        world().api("POST", "/conversations", { raw, headers: { "Content-Type": type } });
      const body = JSON.stringify({ participants: [identityId(user)] });
      expectStatus(await post(body, "text/plain"), 201);
      expectError(await post("{", "application/json"), "invalid_request");
      expectError(await post("[]", "application/json"), "invalid_request");
    });

    it("ignores a body on DELETE and unknown fields", async () => {
      const id = await world().conversation([user], { nonsense: { a: [1] }, significance: {} });
      const { json } = await world().api("GET", `/conversations/${id}`);
      expect(json).not.to.have.any.keys("nonsense", "significance");
      expectStatus(await world().api("DELETE", `/conversations/${id}`, { raw: "{}" }), 204);
    });

    it("survives every character in a user id: / + % ? and what is not ASCII", async () => {
      for (const userId of ["a/b", "a+b", "100%", "who?", "jürgen", "李", "a b", "x&y=z", "#1", "it's(ok)!~*"]) {
        const path = `/users/${encodeURIComponent(userId)}`;
        const created = await world().api("POST", `${path}/identity`, { body: { display_name: "Odd" } });
        expect([201, 409], userId).to.include(created.status);
        const { json } = await world().api("GET", `${path}/identity`);
        expect(member(json, "user_id")).to.equal(userId);
        const one = await world().conversation([userId, user]);
        expectStatus(await world().api("GET", `${path}/conversations/${one}`), 200);
      }
    });

    it("refuses a path that does not decode", async () => {
      expectError(await world().api("GET", "/users/%E0%A4%A/identity"), "invalid_request");
    });

    it("wants a UUID in If-None-Match, quoted or not, on creates only", async () => {
      const create = (id: string) =>
        world().api("POST", "/conversations", { id, body: { participants: [identityId(user)] } });
      expectError(await create("no uuid"), "invalid_request_id");
      const [bare, quoted, weak] = [randomUUID(), randomUUID(), randomUUID()];
      for (const [id, header] of [
        [bare, bare],
        [quoted, `"${quoted}"`],
        [weak, `W/"${weak}"`],
      ] as const) {
        expect(member(expectStatus(await create(header), 201).json, "id")).to.equal(`layer:///conversations/${id}`);
      }
      expectStatus(await world().api("GET", `/conversations/${bare}`, { id: "no uuid" }), 200);
      expectStatus(await world().api("DELETE", `/conversations/${bare}`, { id: "no uuid" }), 204);
    });

    it("answers a repeated id with 409 id_in_use and the object, in each version's own shape", async () => {
      const id = randomUUID();
      const create = () => world().api("POST", "/conversations", { id, body: { participants: [identityId(user)] } });
      expectStatus(await create(), 201);
      for (const version of VERSIONS) {
        const participants = version.startsWith("1.") ? [user] : [identityId(user)];
        const again = await world().api("POST", "/conversations", { id, version, body: { participants } });
        expectError(again, "id_in_use");
        const stored = await world().api("GET", `/conversations/${id}`, { version });
        expect(member(again.json, "data")).to.deep.equal(stored.json);
      }
    });

    it("lets an id of another app be used, and says null of one that is another kind of object", async () => {
      const other = await world().platform.createApp();
      const id = randomUUID();
      const body = { participants: [identityId(user)] };
      expectStatus(await world().api("POST", "/conversations", { id, body }), 201);
      await other.client.request("POST", `/apps/${other.appId}/conversations`, { ifNoneMatch: id, body });
      const message = { sender_id: identityId(user), parts: [textPart("x")] };
      const sent = await world().api("POST", `/conversations/${id}/messages`, { id: randomUUID(), body: message });
      const messageId = String(member(sent.json, "id")).split("/").at(-1);
      const elsewhere = await world().conversation([user]);
      const again = await world().api("POST", `/conversations/${elsewhere}/messages`, {
        ...(messageId === undefined ? {} : { id: messageId }),
        body: message,
      });
      expectError(again, "id_in_use");
      expect(member(again.json, "data")).to.equal(null);
    });

    it("takes an id in the body too; the header wins", async () => {
      const [inBody, inHeader] = [randomUUID(), randomUUID()];
      const body = { id: `layer:///conversations/${inBody}`, participants: [identityId(user)] };
      const create = (options: object) => world().api("POST", "/conversations", { body, ...options });
      expect(member((await create({ id: inHeader })).json, "id")).to.equal(`layer:///conversations/${inHeader}`);
      expect(member((await create({})).json, "id")).to.equal(`layer:///conversations/${inBody}`);
    });

    it("answers a repeat under an Idempotency-Key as it did the first time, and refuses another body", async () => {
      const headers = { "Idempotency-Key": `key ${randomUUID()}` };
      const create = (metadata: object) =>
        world().api("POST", "/conversations", { headers, body: { participants: [identityId(user)], metadata } });
      const first = expectStatus(await create({ a: "1" }), 201);
      const again = expectStatus(await create({ a: "1" }), 201);
      expect(again.json).to.deep.equal(first.json);
      expect((await create({ a: "2" })).status).to.equal(422);
    });

    it("says the type of a body as the original did, and none where there is no body", async () => {
      const read = await world().api("GET", `/conversations/${conversation}`);
      expect(read.headers.get("content-type")).to.equal("application/json; charset=UTF-8");
      const patched = await world().api("PATCH", `/conversations/${conversation}`, { body: [] });
      expect(patched.headers.get("content-type")).to.equal(null);
      const identity = await world().api("POST", `/users/${world().newUserId()}/identity`, {
        body: { display_name: "x" },
      });
      expect([
        identity.status,
        identity.headers.get("content-length"),
        identity.headers.get("content-type"),
      ]).to.deep.equal([201, "0", null]);
    });

    it("explains every error on a page of its own", async () => {
      const reply = await world().api("GET", `/conversations/${randomUUID()}`);
      const url = new URL(String(member(reply.json, "url")));
      const page = await fetch(`${world().platform.baseUrl}${url.pathname}`);
      expect([page.status, page.headers.get("content-type")]).to.deep.equal([200, "text/html; charset=UTF-8"]);
      expect(await page.text()).to.include(`id="${url.hash.slice(1)}"`);
    });

    it("keeps order and shape of an error of a list's paging", async () => {
      const page = (query: string) => world().api("GET", `/users/${user}/conversations?${query}`);
      for (const size of ["0", "-1", "x", "1.5"]) {
        expectError(await page(`page_size=${size}`), "invalid_property", "page_size");
      }
      expectStatus(await page("page_size=1000"), 200);
      expectError(await page("sort_by=name"), "invalid_property", "sort_by");
      expectError(await page(`from_id=${randomUUID()}`), "not_found");
      expect(timeless((await page("page_size=1")).json)).to.have.length(1);
    });
  });
}
