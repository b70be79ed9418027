import { randomUUID } from "node:crypto";
import type { RecipientState } from "@strata/contracts";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const stateOf = (userId: string, status: RecipientState["status"]): RecipientState => ({
  userId,
  status,
  deliveredAt: status === "sent" ? null : AT,
  readAt: status === "read" ? AT : null,
});

const Rows = z.array(z.object({ user_id: z.string() }));
const recipientsOf = (json: unknown): string[] => Rows.parse(json).map((row) => row.user_id);

describe("what became of an announcement", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway reading" });
    app = world.directory.anApp();
    for (const user of ["ops", "ann", "bob"]) world.directory.aUser(app, user, user.toUpperCase());
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  async function anAnnouncement(changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const id = randomUUID();
    const body = { recipients: ["ann", "bob"], sender_id: "ops", parts: [{ mime_type: "text/plain", body: "Hi" }] };
    await send("POST", `/apps/${app}/announcements`, {
      headers: { "If-None-Match": id },
      body: { ...body, ...changes },
    });
    return id;
  }

  const recipientsPath = (id: string, query = "") => `/apps/${app}/announcements/${id}/recipients${query}`;
  const timelinePath = (id: string, query = "") => `/apps/${app}/announcements/${id}/timeline${query}`;
  const inboxPath = (user: string, query = "") => `/apps/${app}/users/${user}/announcements${query}`;
  const receiptsPath = (user: string, id: string) => `/apps/${app}/users/${user}/announcements/${id}/receipts`;

  describe("GET announcements/:id", () => {
    it("composes state and counts from the three services that know them", async () => {
      const id = await anAnnouncement();
      const reply = await send("GET", `/apps/${app}/announcements/${id}`);
      expect(reply.status).to.equal(200);
      expect(reply.json).to.deep.include({
        id: `layer:///announcements/${id}`,
        state: "distributed",
        counts: {
          recipients: 2,
          unknown: 1,
          sent: 1,
          delivered: 3,
          read: 2,
          opened: 1,
          deleted: 1,
          pushed: 5,
          pushed_by_platform: { ios: 2, android: 3, web: 0 },
          failed: 1,
          failed_by_reason: { UNREGISTERED: 1 },
          failed_by_platform: { ios: 1, android: 0, web: 0 },
          push_skipped: 3,
          push_skipped_by_platform: { ios: 0, android: 3, web: 0 },
          push_skipped_by_policy: { opted_out: 2, cap: 1 },
          push_expired: 4,
          push_waiting: 6,
        },
      });
    });

    it("takes the id as a URI too", async () => {
      const uri = encodeURIComponent(`layer:///announcements/${await anAnnouncement()}`);
      expect(await send("GET", `/apps/${app}/announcements/${uri}`)).to.have.property("status", 200);
    });

    it("answers 404 for an unknown id, for what is no id, and for another app's", async () => {
      const other = world.directory.anApp();
      const token = world.directory.aToken({ app: other });
      const foreign = await send("GET", `/apps/${other}/announcements/${await anAnnouncement()}`, { token });
      for (const reply of [
        await send("GET", `/apps/${app}/announcements/${randomUUID()}`),
        await send("GET", `/apps/${app}/announcements/first`),
        foreign,
      ]) {
        expect([reply.status, errorOf(reply).id]).to.deep.equal([404, "not_found"]);
      }
    });
  });

  describe("GET announcements/:id/timeline", () => {
    it("asks for the time named, in buckets of the size named", async () => {
      const id = await anAnnouncement();
      const query = "?by=minute&from=2026-01-02T03:04:00Z&to=2026-01-02T05:04:00%2B01:00";
      const reply = await send("GET", timelinePath(id, query));
      expect([reply.status, reply.json]).to.deep.equal([
        200,
        [{ at: "2026-01-02T03:04:00.000Z", sent: 4, delivered: 3, read: 2, opened: 1, deleted: 0 }],
      ]);
      expect(world.receipts.timelines.at(-1)).to.deep.equal({
        announcementId: id,
        by: "minute",
        from: Date.UTC(2026, 0, 2, 3, 4),
        to: Date.UTC(2026, 0, 2, 4, 4),
      });
    });

    it("begins with the announcement and ends now, by the hour, where nothing is named", async () => {
      const id = await anAnnouncement();
      expect(await send("GET", timelinePath(id))).to.have.property("status", 200);
      const asked = world.receipts.timelines.at(-1);
      expect(asked).to.include({ announcementId: id, by: "hour" });
      expect(asked?.from).to.satisfy((from: number) => from % 3_600_000 === 0 && from <= Date.now());
      expect(asked?.to).to.be.closeTo(Date.now(), 5_000);
    });

    it("refuses what is no step, no time, the wrong way round or too long, and 404 what is not there", async () => {
      const id = await anAnnouncement();
      for (const [query, property] of [
        ["?by=day", "by"],
        ["?from=yesterday", "from"],
        ["?to=2026-01-02", "to"],
        ["?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"],
        ["?by=minute&from=2026-01-01T00:00:00Z&to=2026-01-08T00:00:01Z", "to"],
      ]) {
        const reply = await send("GET", timelinePath(id, query));
        expect(errorOf(reply)).to.deep.include({ id: "invalid_property", data: { property } });
      }
      expect(await send("GET", timelinePath(randomUUID()))).to.have.property("status", 404);
      const other = world.directory.anApp();
      const token = world.directory.aToken({ app: other });
      const foreign = await send("GET", `/apps/${other}/announcements/${id}/timeline`, { token });
      expect(foreign.status).to.equal(404);
    });
  });

  describe("GET announcements/:id/recipients", () => {
    it("lists who has which state", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, [stateOf("ann", "read"), stateOf("bob", "sent")]);
      const all = await send("GET", recipientsPath(id));
      expect(all.json).to.deep.equal([
        {
          recipient: "layer:///identities/ann",
          user_id: "ann",
          status: "read",
          delivered_at: "2026-01-02T03:04:05.678Z",
          read_at: "2026-01-02T03:04:05.678Z",
          opened_at: null,
          deleted_at: null,
        },
        {
          recipient: "layer:///identities/bob",
          user_id: "bob",
          status: "sent",
          delivered_at: null,
          read_at: null,
          opened_at: null,
          deleted_at: null,
        },
      ]);
      const readers = await send("GET", recipientsPath(id, "?status=read"), { version: "1.0" });
      expect(readers.json).to.have.nested.property("[0].recipient", "ann");
      expect(readers.json).to.have.lengthOf(1);
    });

    it("says on every page how many there are, by the counts of the announcement", async () => {
      const id = await anAnnouncement({ recipients: Array.from({ length: 10 }, (_, n) => `user-${n}`) });
      world.receipts.recipients.set(id, [stateOf("user-1", "read"), stateOf("user-2", "sent")]);
      const counts: unknown[] = [];
      for (const status of ["sent", "delivered", "read", "unread", "opened", "deleted"]) {
        const reply = await send("GET", recipientsPath(id, `?status=${status}&page_size=1`));
        counts.push(reply.headers.get("layer-count"));
      }
      // Nine of ten exist; as the peer has it, three have the announcement and two have read it.
      expect(counts).to.deep.equal(["9", "3", "2", "7", "1", "1"]);
    });

    it("leads through all pages, also where few are found among many", async () => {
      const id = await anAnnouncement();
      const all = Array.from({ length: 100 }, (_, n) => stateOf(`user/${n}`, n % 10 === 0 ? "read" : "sent"));
      world.receipts.recipients.set(id, all);
      world.receipts.lookedAtMax = 7;
      const found: string[] = [];
      let from: string | null = "";
      for (let pages = 0; from !== null; pages += 1) {
        expect(pages).to.be.lessThan(10);
        const cursor: string = from === "" ? "" : `&from_id=${encodeURIComponent(from)}`;
        const reply = await send("GET", recipientsPath(id, `?status=read&page_size=4${cursor}`));
        found.push(...recipientsOf(reply.json));
        from = reply.headers.get("layer-next-from-id");
      }
      world.receipts.lookedAtMax = 20_000;
      expect(found).to.deep.equal(all.filter(({ status }) => status === "read").map(({ userId }) => userId));
    });

    it("refuses a status that there is not, a page size below one, and an announcement that is not there", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, []);
      const status = await send("GET", recipientsPath(id, "?status=seen"));
      expect(errorOf(status)).to.deep.include({ id: "invalid_property", data: { property: "status" } });
      const size = await send("GET", recipientsPath(id, "?page_size=0"));
      expect(errorOf(size)).to.deep.include({ id: "invalid_property", data: { property: "page_size" } });
      expect(await send("GET", recipientsPath(randomUUID()))).to.have.property("status", 404);
    });
  });

  describe("the inbox", () => {
    it("shows a user her announcements, newest first, with her own state and each sender", async () => {
      world.directory.aUser(app, "carl");
      const older = await anAnnouncement({ recipients: ["carl"] });
      const newer = await anAnnouncement({ recipients: ["carl"] });
      world.receipts.recipients.set(older, [stateOf("carl", "read")]);
      const reply = await send("GET", inboxPath("carl"));
      expect(reply.headers.get("layer-count")).to.equal("2");
      expect(reply.json).to.have.nested.property("[0].id", `layer:///announcements/${newer}`);
      expect(reply.json).to.have.nested.property("[0].is_unread", true);
      expect(reply.json).to.have.nested.property("[0].sender.display_name", "OPS");
      expect(reply.json).to.have.nested.property(
        "[0].receipts_url",
        `${PUBLIC_URL}/apps/${app}/users/carl/announcements/${newer}/receipts`,
      );
      expect(reply.json).to.have.deep.nested.property("[1].recipient_status", { "layer:///identities/carl": "read" });
      expect(reply.json).to.have.nested.property("[1].received_at", "2026-01-02T03:04:05.678Z");
    });

    it("shows it in the shape of the version asked for", async () => {
      world.directory.aUser(app, "dora");
      await anAnnouncement({ recipients: ["dora"] });
      const old = await send("GET", inboxPath("dora"), { version: "1.0" });
      expect(old.json).to.have.deep.nested.property("[0].sender", { user_id: "ops", name: null });
      expect(old.json).to.have.deep.nested.property("[0].recipient_status", { dora: "sent" });
    });

    it("pages by from_id, and counts all of it on every page", async () => {
      world.directory.aUser(app, "erik");
      const ids = [];
      for (let n = 0; n < 3; n += 1) ids.unshift(await anAnnouncement({ recipients: ["erik"] }));
      const first = await send("GET", inboxPath("erik", "?page_size=2"));
      const rest = await send("GET", inboxPath("erik", `?page_size=2&from_id=layer:///announcements/${ids[1]}`));
      expect([first.json, rest.json]).to.have.nested.property("[0].length", 2);
      expect(rest.json).to.have.nested.property("[0].id", `layer:///announcements/${ids[2]}`);
      expect(rest.headers.get("layer-count")).to.equal("3");
    });

    it("answers an empty list to a user without any, and 404 to an unknown user and an unknown from_id", async () => {
      world.directory.aUser(app, "frida");
      expect((await send("GET", inboxPath("frida"))).json).to.deep.equal([]);
      expect(await send("GET", inboxPath("nobody"))).to.have.property("status", 404);
      expect(await send("GET", inboxPath("frida", `?from_id=${randomUUID()}`))).to.have.property("status", 404);
    });

    it("shows one announcement to its recipients, and to nobody else", async () => {
      world.directory.aUser(app, "hans");
      const id = await anAnnouncement({ recipients: ["hans"] });
      const [shown] = z.array(z.unknown()).parse((await send("GET", inboxPath("hans"))).json);
      const reply = await send("GET", `/apps/${app}/users/hans/announcements/${id}`);
      expect([reply.status, reply.json]).to.deep.equal([200, shown]);
      for (const [user, announcement] of [
        ["ann", id],
        ["nobody", id],
        ["hans", randomUUID()],
        ["hans", "first"],
      ]) {
        const refused = await send("GET", `/apps/${app}/users/${user}/announcements/${announcement}`);
        expect([refused.status, errorOf(refused).id]).to.deep.equal([404, "not_found"]);
      }
    });

    it("knows users whose ids hold slashes and other characters", async () => {
      const strange = "a/b +%?#ü";
      world.directory.aUser(app, strange);
      await anAnnouncement({ recipients: [strange] });
      expect((await send("GET", inboxPath(encodeURIComponent(strange)))).json).to.have.lengthOf(1);
    });
  });

  describe("POST receipts", () => {
    it("records what a recipient reports", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, [stateOf("ann", "sent")]);
      for (const [type, kind] of [
        ["read", "read"],
        ["delivery", "delivered"],
      ]) {
        expect(await send("POST", receiptsPath("ann", id), { body: { type } })).to.have.property("status", 204);
        expect(world.receipts.recorded.at(-1)).to.have.nested.property("receipts[0].kind", kind);
      }
      const [receipt] = world.receipts.recorded.at(-1)?.receipts ?? [];
      expect(receipt?.at).to.be.closeTo(Date.now(), 5_000);
    });

    it("answers 404 to whoever is no recipient, without saying who else is", async () => {
      const id = await anAnnouncement();
      world.receipts.recipients.set(id, [stateOf("ann", "sent")]);
      const reply = await send("POST", receiptsPath("bob", id), { body: { type: "read" } });
      expect(reply.status).to.equal(404);
      expect(errorOf(reply)).not.to.have.property("data");
    });

    it("refuses a receipt of no kind that there is", async () => {
      const id = await anAnnouncement();
      const missing = await send("POST", receiptsPath("ann", id), { body: {} });
      expect(errorOf(missing)).to.deep.include({ id: "missing_property", data: { property: "type" } });
      const bad = await send("POST", receiptsPath("ann", id), { body: { type: "seen" } });
      expect(errorOf(bad)).to.deep.include({ id: "invalid_property", data: { property: "type" } });
    });
  });
});
