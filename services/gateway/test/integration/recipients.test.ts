import { randomUUID } from "node:crypto";
import type { PushOutcomeView, RecipientState } from "@strata/contracts";
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
const linesOf = (rows: readonly unknown[]) => rows.map((one) => `${JSON.stringify(one)}\n`).join("");

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

  const sendLines = (id: string, raw: string | Uint8Array) =>
    send("POST", reportPath(id), { raw, headers: { "Content-Type": "application/x-ndjson" } });

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
          {
            device_id: "old",
            platform: "ios",
            outcome: "failed",
            reason: "Unregistered",
            policy: null,
            provider_id: null,
            at: time,
          },
          {
            device_id: "new",
            platform: "ios",
            outcome: "accepted",
            reason: null,
            policy: null,
            provider_id: "p1",
            at: time,
          },
        ],
      });
      expect(json).to.have.nested.property("why_not[0].code", "push_failed");
      expect(json).to.have.nested.property("why_not.length", 1);
    });

    it("names the policy that left her push out, and what it waits for, and until when", async () => {
      const id = await anAnnouncement();
      const push = { deviceId: "phone", platform: "ios", reason: null, providerId: null, at: AT } as const;
      const storyOf = async (outcome: PushOutcomeView) => {
        world.push.outcomes.set(`${id}/ann`, [outcome]);
        return (await send("GET", storyPath(id, "ann"))).json;
      };
      const skipped = await storyOf({ ...push, outcome: "skipped", policy: "opted_out" });
      expect(skipped).to.have.nested.property("pushes[0].policy", "opted_out");
      expect(skipped).to.have.nested.property("why_not[0]").that.includes({ code: "opted_out", until: null });
      const waiting = await storyOf({ ...push, outcome: "waiting", policy: "quiet_hours" });
      expect(waiting).to.have.nested.property("pushes[0]").that.includes({ outcome: "waiting", policy: "quiet_hours" });
      const until = "2026-01-02T03:04:05.678Z";
      expect(waiting).to.have.nested.property("why_not[0]").that.includes({ code: "quiet_hours", until });
      const expired = await storyOf({ ...push, outcome: "expired" });
      expect(expired).to.have.nested.property("why_not[0].code", "push_expired");
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

    it("names the revision that she read, the first where her clock was behind", async () => {
      const id = await anAnnouncement();
      const stored = world.fanout.announcements.get(`${app}/${id}`);
      if (!stored) throw new Error("not announced");
      Object.assign(stored, {
        revisions: [
          { revision: 1, at: AT - 10 },
          { revision: 2, at: AT },
          { revision: 3, at: AT + 1 },
        ],
      });
      const revisionRead = async (readAt: number | null) => {
        world.receipts.recipients.set(id, [{ ...stateOf("ann", readAt === null ? "sent" : "read"), readAt }]);
        return z.object({ revision_read: z.number().nullable() }).parse((await send("GET", storyPath(id, "ann"))).json);
      };
      for (const [readAt, revision] of [
        [null, null],
        [AT - 11, 1],
        [AT - 1, 1],
        [AT, 2],
        [AT + 1, 3],
      ] as const) {
        expect(await revisionRead(readAt)).to.deep.equal({ revision_read: revision });
      }
    });

    it("tells who had not read it that it was recalled, and anybody else how it ended", async () => {
      const id = await anAnnouncement();
      const codeOf = async (user: string) =>
        Story.parse((await send("GET", storyPath(id, user))).json).why_not.map(({ code }) => code);
      await send("DELETE", `/apps/${app}/announcements/${id}`);
      expect(await codeOf("ann")).to.deep.equal(["recalled"]);
      expect(await codeOf("ops")).to.deep.equal(["recalled"]);
      world.receipts.recipients.set(id, [stateOf("ann", "read")]);
      expect(await codeOf("ann")).to.deep.equal([]);
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

    it("takes any number as lines, a thousand at a time", async () => {
      const id = await anAnnouncement();
      const users = Array.from({ length: 2_500 }, (_, n) => `user-${n}`);
      world.receipts.recipients.set(
        id,
        users.map((user) => stateOf(user, "sent")),
      );
      const before = world.receipts.recorded.length;
      // The last line has no end, and one is empty.
      const body = `${linesOf([...users, "ops"].map((user) => row(user)))}\n${JSON.stringify(row("user-1", "opened"))}`;
      const reply = await sendLines(id, body);
      expect([reply.status, reply.json]).to.deep.equal([200, { recorded: 2_501, not_recipients: ["ops"] }]);
      const groups = world.receipts.recorded.slice(before).map(({ receipts }) => receipts.length);
      expect(groups).to.deep.equal([1_000, 1_000, 502]);
    });

    it("names the line that is wrong, and says that those before it are recorded", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, [stateOf("ann", "sent"), stateOf("bob", "sent")]);
      const good = linesOf([row("ann"), row("ops")]);
      for (const [bad, property] of [
        [linesOf([row("bob", "seen")]), "line 3.type"],
        ["{nonsense\n", "line 3"],
        [Buffer.from([0x22, 0xff, 0x22, 0x0a]), "line 3"],
        [`"${"x".repeat(5_000)}"`, "line 3"],
      ] as const) {
        const before = world.receipts.recorded.length;
        const reply = await sendLines(
          id,
          Buffer.concat([good, bad, linesOf([row("bob")])].map((one) => Buffer.from(one))),
        );
        expect(errorOf(reply)).to.deep.include({ id: "invalid_property", data: { property, recorded: 1 } });
        const recorded = world.receipts.recorded.slice(before).flatMap(({ receipts }) => receipts);
        expect(recorded.map(({ userId }) => userId)).to.deep.equal(["ann", "ops"]);
      }
    });

    it("reads no faster than receipts are recorded", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, [stateOf("ann", "sent")]);
      const line = `${JSON.stringify({ ...row("ann"), padding: "x".repeat(3_900) })}\n`;
      const [before, total] = [world.receipts.recorded.length, 20_000];
      let sent = 0;
      let mostAhead = 0;
      const lines = new ReadableStream({
        pull(controller) {
          mostAhead = Math.max(mostAhead, sent - (world.receipts.recorded.length - before) * 1_000);
          if (sent === total) return controller.close();
          controller.enqueue(Buffer.from(line));
          sent += 1;
        },
      });
      const headers = {
        Authorization: `Bearer ${world.directory.aToken({ app })}`,
        "Content-Type": "application/x-ndjson",
      };
      const init = { method: "POST", headers, body: lines, duplex: "half" } as const;
      const response = await fetch(`${world.baseUrl}${reportPath(id)}`, init);
      expect(await response.json()).to.deep.equal({ recorded: total, not_recipients: [] });
      // A group, and what the buffers of two sockets hold: some megabytes of 80.
      expect(mostAhead).to.be.lessThan(total / 2);
    });

    it("answers a caller who is still sending, and goes on serving the connection", async () => {
      const id = await anAnnouncement();
      const many = linesOf([7, ...Array.from({ length: 50_000 }, () => row("ann"))]);
      const reply = await sendLines(id, many);
      expect(errorOf(reply)).to.deep.include({ data: { property: "line 1", recorded: 0 } });
      expect(await sendLines(id, "")).to.have.property("status", 404);
    });
  });
});
