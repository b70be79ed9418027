import { randomUUID } from "node:crypto";
import type { RecipientState } from "@strata/contracts";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, type World } from "../world.ts";

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const stateOf = (userId: string, status: RecipientState["status"]): RecipientState => ({
  userId,
  status,
  deliveredAt: status === "sent" ? null : AT,
  readAt: status === "read" ? AT : null,
});

const Rows = z.array(z.object({ user_id: z.string() }));
const recipientsOf = (json: unknown): string[] => Rows.parse(json).map((row) => row.user_id);
const Story = z.object({ status: z.string().nullable(), why_not: z.array(z.object({ code: z.string() })) });
const row = (user: string, type = "read") => ({ user_id: `layer:///identities/${user}`, type });

describe("the recipients of an announcement, one and all", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway recipients" });
    app = world.directory.anApp();
    for (const user of ["ops", "ann", "bob"]) world.directory.aUser(app, user, user.toUpperCase());
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  async function anAnnouncement(): Promise<string> {
    const id = randomUUID();
    const body = { recipients: ["ann", "bob"], sender_id: "ops", parts: [{ mime_type: "text/plain", body: "Hi" }] };
    await send("POST", `/apps/${app}/announcements`, { headers: { "If-None-Match": id }, body });
    return id;
  }

  const recipientsPath = (id: string, query = "") => `/apps/${app}/announcements/${id}/recipients${query}`;
  const storyPath = (id: string, user: string) => `${recipientsPath(id)}/${user}`;
  const reportPath = (id: string) => `/apps/${app}/announcements/${id}/receipts`;

  const get = (id: string, accept: string, query = "") =>
    fetch(`${world.baseUrl}${recipientsPath(id, query)}`, {
      headers: { Authorization: `Bearer ${world.directory.aToken({ app })}`, Accept: accept },
    });

  describe("GET announcements/:id/recipients in other types", () => {
    it("sends all of them in one answer, a line each, however many questions that takes", async () => {
      const id = await anAnnouncement();
      const all = Array.from({ length: 2_500 }, (_, n) => stateOf(`user/${n}`, n % 2 === 0 ? "read" : "sent"));
      world.receipts.recipients.set(id, all);
      const ndjson = await get(id, "application/x-ndjson", "?page_size=1");
      expect(ndjson.headers.get("content-type")).to.equal("application/x-ndjson; charset=utf-8");
      const lines = (await ndjson.text()).trimEnd().split("\n");
      expect(recipientsOf(lines.map((line) => JSON.parse(line) as unknown))).to.deep.equal(
        all.map((one) => one.userId),
      );
      const csv = await get(id, "text/csv", "?status=read");
      const rows = (await csv.text()).trimEnd().split("\r\n");
      expect(rows).to.have.lengthOf(1 + 1_250);
      expect(rows[1]).to.match(/^layer:\/\/\/identities\/user%2F0,user\/0,read,/);
    });

    it("refuses what it refuses in JSON, as JSON", async () => {
      const missing = await get(randomUUID(), "text/csv");
      expect([missing.status, missing.headers.get("content-type")]).to.deep.equal([
        404,
        "application/json; charset=UTF-8",
      ]);
      expect((await get(await anAnnouncement(), "application/x-ndjson", "?status=seen")).status).to.equal(422);
      expect((await get(await anAnnouncement(), "text/html")).status).to.equal(406);
    });

    it("asks no further for a reader who went away", async () => {
      const id = await anAnnouncement();
      const all = Array.from({ length: 200_000 }, (_, n) => stateOf(`user/${n}`, "sent"));
      world.receipts.recipients.set(id, all);
      const before = world.receipts.pagesListed;
      const response = await get(id, "application/x-ndjson");
      await response.body?.cancel();
      // Until a request of our own is all that is asked in its time: nobody else is being served any more.
      await eventually(async () => {
        const listed = world.receipts.pagesListed;
        await send("GET", recipientsPath(id, "?page_size=1"));
        return world.receipts.pagesListed - listed;
      }, 1);
      expect(world.receipts.pagesListed - before).to.be.lessThan(200);
    });
  });

  describe("GET announcements/:id/recipients/:user", () => {
    it("tells all there is to one recipient, with her pushes", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, [{ ...stateOf("ann", "read"), openedAt: AT }]);
      world.push.outcomes.set(`${id}/ann`, [
        { deviceId: "old", platform: "ios", outcome: "failed", reason: "Unregistered", providerId: null, at: AT },
        { deviceId: "new", platform: "ios", outcome: "accepted", reason: null, providerId: "p1", at: AT },
      ]);
      const { status, json } = await send("GET", storyPath(id, "ann"));
      expect(status).to.equal(200);
      const time = "2026-01-02T03:04:05.678Z";
      expect(json).to.deep.include({
        recipient: "layer:///identities/ann",
        user_id: "ann",
        is_recipient: true,
        status: "read",
        delivered_at: time,
        read_at: time,
        opened_at: time,
        deleted_at: null,
        pushes: [
          { device_id: "old", platform: "ios", outcome: "failed", reason: "Unregistered", provider_id: null, at: time },
          { device_id: "new", platform: "ios", outcome: "accepted", reason: null, provider_id: "p1", at: time },
        ],
      });
      expect(json).to.have.nested.property("why_not[0].code", "push_failed");
      expect(json).to.have.nested.property("why_not.length", 1);
    });

    it("tells why somebody got nothing", async () => {
      const id = await anAnnouncement();
      const codeOf = async (user: string) => {
        const { json } = await send("GET", storyPath(id, user));
        const { why_not, status } = Story.parse(json);
        return [status, ...why_not.map(({ code }) => code)];
      };
      expect(await codeOf("ann")).to.deep.equal(["sent", "no_device"]);
      expect(await codeOf("ops")).to.deep.equal([null, "not_in_audience"]);
      expect(await codeOf("nobody")).to.deep.equal([null, "unknown_user"]);
    });

    it("is 404 for an announcement that is not there, or another app's", async () => {
      expect(await send("GET", storyPath(randomUUID(), "ann"))).to.have.property("status", 404);
      const other = world.directory.anApp();
      const token = world.directory.aToken({ app: other });
      const path = `/apps/${other}/announcements/${await anAnnouncement()}/recipients/ann`;
      expect(await send("GET", path, { token })).to.have.property("status", 404);
    });
  });

  describe("POST announcements/:id/receipts", () => {
    it("records many at once, and names who is no recipient", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, [stateOf("ann", "sent"), stateOf("bob", "sent")]);
      const receipts = [row("ann", "opened"), row("ops"), { ...row("bob"), at: "2026-01-02T03:04:05.678Z" }];
      const reply = await send("POST", reportPath(id), { body: { receipts } });
      expect([reply.status, reply.json]).to.deep.equal([200, { recorded: 2, not_recipients: ["ops"] }]);
      const recorded = world.receipts.recorded.at(-1);
      expect(recorded?.receipts.map(({ userId, kind }) => [userId, kind])).to.deep.equal([
        ["ann", "opened"],
        ["ops", "read"],
        ["bob", "read"],
      ]);
      expect(recorded?.receipts[2]?.at).to.equal(AT);
    });

    it("is 404 where nobody is a recipient, and 422 for a row that is wrong", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, [stateOf("ann", "sent")]);
      const strangers = await send("POST", reportPath(id), { body: { receipts: [row("ops")] } });
      expect([strangers.status, errorOf(strangers).id]).to.deep.equal([404, "not_found"]);
      const bad = await send("POST", reportPath(id), { body: { receipts: [row("ann"), row("ann", "seen")] } });
      expect(errorOf(bad)).to.deep.include({ id: "invalid_property", data: { property: "receipts[1].type" } });
    });
  });
});
