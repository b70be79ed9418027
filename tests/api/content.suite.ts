import { randomBytes, randomUUID } from "node:crypto";
import { expect } from "chai";
import { expectError, expectStatus, list, member, uuidOf, VERSIONS } from "./support/api-client.ts";
import { identityId, PUBLIC_URL, type World } from "./support/world.ts";

/** Section 12. */
export function content(world: () => World): void {
  describe("rich content (section 12)", () => {
    let ann = "";
    let conversation: string;
    before(async () => {
      [ann = ""] = await world().users(1);
      conversation = await world().conversation([ann]);
    });
    const announce = (
      size: number | string,
      extra: Readonly<Record<string, string>> = {},
      path = `/conversations/${conversation}`,
    ) =>
      world().api("POST", `${path}/content`, {
        headers: { "Upload-Content-Type": "image/png", "Upload-Content-Length": String(size), ...extra },
      });
    /** URLs in answers begin with the public base; the gateway of a test listens elsewhere. */
    const here = (url: unknown): string => String(url).replace(PUBLIC_URL, world().platform.baseUrl);
    const upload = (url: unknown, bytes: Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = {}) =>
      fetch(here(url), { method: "PUT", body: bytes, headers });
    const send = (contentId: unknown, size: number) =>
      world().api("POST", `/conversations/${conversation}/messages`, {
        body: { sender_id: identityId(ann), parts: [{ mime_type: "image/png", content: { id: contentId, size } }] },
      });
    const refresh = (contentId: unknown) =>
      world().api("GET", `/conversations/${conversation}/content/${String(contentId).split("/").at(-1)}`);

    for (const version of VERSIONS) {
      it(`is announced in version ${version} with 201, Location and an upload_url`, async () => {
        const reply = await world().api("POST", `/conversations/${conversation}/content`, {
          version,
          headers: { "Upload-Content-Type": "a/b", "Upload-Content-Length": "20480" },
        });
        const uuid = uuidOf(expectStatus(reply, 201).json);
        expect(reply.headers.get("location")).to.match(
          new RegExp(`/apps/${world().appId}/conversations/${conversation}/content/${uuid}$`),
        );
        expect(member(reply.json, "upload_url")).to.match(/^https?:/);
        expect({ ...Object(reply.json), upload_url: "" }).to.deep.equal({
          id: `layer:///content/${uuid}`,
          size: 20_480,
          upload_url: "",
          download_url: null,
          refresh_url: null,
          expiration: null,
        });
      });
    }

    it("names the header that is missing or wrong", async () => {
      const without = await world().api("POST", `/conversations/${conversation}/content`, {
        headers: { "Upload-Content-Type": "a/b" },
      });
      expectError(without, "missing_property");
      expect(member(member(without.json, "data"), "header")).to.equal("Upload-Content-Length");
      for (const size of ["x", "-1", "1.5", String(2 * 1024 ** 3 + 1)]) {
        expect((await announce(size)).status, size).to.equal(422);
      }
    });

    it("is uploaded, sent, shown with a fresh URL on every read, and downloaded", async () => {
      const bytes = randomBytes(100_000);
      const announced = (await announce(bytes.length)).json;
      expectError(await refresh(member(announced, "id")), "not_found");
      expectError(await send(member(announced, "id"), bytes.length), "invalid_property");
      const uploaded = await upload(member(announced, "upload_url"), bytes);
      expect([200, 201]).to.include(uploaded.status);
      const sent = expectStatus(await send(member(announced, "id"), bytes.length), 201);
      const read = await world().api("GET", `/conversations/${conversation}/messages/${uuidOf(sent.json)}`);
      const [part] = list(member(read.json, "parts"));
      const shown = member(part, "content");
      expect(member(part, "body")).to.equal(null);
      expect(shown).to.include({ id: member(announced, "id"), size: bytes.length });
      for (const download of [
        member(shown, "download_url"),
        member((await refresh(member(announced, "id"))).json, "download_url"),
      ]) {
        const response = await fetch(here(download));
        expect(response.status).to.equal(200);
        expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).to.equal(true);
        expect(response.headers.get("content-type")).to.equal("image/png");
      }
      const lifeMs = Date.parse(String(member(shown, "expiration"))) - Date.now();
      expect(lifeMs).to.be.within(11 * 60_000, 61 * 60_000);
    });

    it("goes on where a broken upload stood", async () => {
      const bytes = randomBytes(3 * 1024 * 1024 + 17);
      const url = member((await announce(bytes.length)).json, "upload_url");
      const half = 2 * 1024 * 1024;
      const range = (from: number, to: number): string => `bytes ${from}-${to - 1}/${bytes.length}`;
      const first = await upload(url, bytes.subarray(0, half), { "Content-Range": range(0, half) });
      expect([first.status, first.headers.get("range")]).to.deep.equal([308, `bytes=0-${half - 1}`]);
      const asked = await fetch(here(url), { method: "PUT", headers: { "Content-Range": `bytes */${bytes.length}` } });
      expect([asked.status, asked.headers.get("range")]).to.deep.equal([308, `bytes=0-${half - 1}`]);
      const last = await upload(url, bytes.subarray(half), { "Content-Range": range(half, bytes.length) });
      expect([200, 201]).to.include(last.status);
    });

    it("is for its own conversation and for uploads that fit what was announced", async () => {
      const other = await world().conversation([ann]);
      const announced = (await announce(4)).json;
      expect((await upload(member(announced, "upload_url"), Buffer.from("12345"))).status).to.be.within(400, 499);
      await upload(member(announced, "upload_url"), Buffer.from("1234"));
      const uuid = uuidOf(announced);
      expectError(await world().api("GET", `/conversations/${other}/content/${uuid}`), "not_found");
      const elsewhere = await world().api("POST", `/conversations/${other}/messages`, {
        body: {
          sender_id: identityId(ann),
          parts: [{ mime_type: "a/b", content: { id: `layer:///content/${uuid}`, size: 4 } }],
        },
      });
      expectError(elsewhere, "invalid_property");
      expectError(await send(`layer:///content/${randomUUID()}`, 4), "invalid_property");
    });

    it("has no door for who holds no URL of ours", async () => {
      const response = await fetch(`${world().platform.baseUrl}/content/nonsense`);
      expect(response.status).to.be.within(400, 404);
    });

    it("is 404 and 410 with its conversation", async () => {
      const gone = await world().conversation([ann]);
      await world().api("DELETE", `/conversations/${gone}`);
      expectError(await announce(1, {}, `/conversations/${gone}`), "object_deleted");
      expectError(await announce(1, {}, `/conversations/${randomUUID()}`), "not_found");
    });

    it("lets a page of the announced origin upload and download", async () => {
      const origin = "https://shop.example.com";
      const url = here(member((await announce(4, { "Upload-Origin": origin })).json, "upload_url"));
      const preflight = await fetch(url, {
        method: "OPTIONS",
        headers: {
          Origin: origin,
          "Access-Control-Request-Method": "PUT",
          "Access-Control-Request-Headers": "content-range",
        },
      });
      expect(preflight.status).to.be.within(200, 204);
      expect(preflight.headers.get("access-control-allow-origin")).to.equal(origin);
      const put = await fetch(url, { method: "PUT", body: "1234", headers: { Origin: origin } });
      expect(put.headers.get("access-control-allow-origin")).to.equal(origin);
    });
  });
}
