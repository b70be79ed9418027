import { randomUUID } from "node:crypto";
import type { RecipientState } from "@strata/contracts";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const Entries = z.array(z.object({ id: z.string() }));

const sentTo = (userId: string): RecipientState => ({ userId, status: "sent", deliveredAt: null, readAt: null });

describe("a user's inbox, as she changes it", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway inbox", env: PATIENT });
    app = world.directory.anApp();
    for (const user of ["ops", "ann", "bob"]) world.directory.aUser(app, user, user.toUpperCase());
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  async function anAnnouncement(recipients = ["ann", "bob"]): Promise<string> {
    const id = randomUUID();
    const body = { recipients, sender_id: "ops", parts: [{ mime_type: "text/plain", body: "Hi" }] };
    await send("POST", `/apps/${app}/announcements`, { headers: { "If-None-Match": id }, body });
    world.receipts.recipients.set(id, recipients.map(sentTo));
    return id;
  }

  const inbox = (user: string, rest = "") => `/apps/${app}/users/${user}/announcements${rest}`;
  const listed = async (user: string, query = "") => {
    const reply = await send("GET", inbox(user, query));
    expect(reply.status).to.equal(200);
    const ids = Entries.parse(reply.json).map(({ id }) => id.replace("layer:///announcements/", ""));
    return { ids, count: Number(reply.headers.get("layer-count")) };
  };

  const markRead = (user: string, body?: unknown) => send("POST", inbox(user, "/read"), { body });
  const told = () => world.receipts.inboxReads.at(-1);

  describe("DELETE users/:user/announcements/:id", () => {
    it("takes it out of her inbox, and answers 410 for it; others keep theirs", async () => {
      const [older, newer] = [await anAnnouncement(), await anAnnouncement()];
      const before = await listed("ann");
      expect(before.ids.slice(0, 2)).to.deep.equal([newer, older]);
      for (const uri of [newer, encodeURIComponent(`layer:///announcements/${newer}`)]) {
        expect(await send("DELETE", inbox("ann", `/${uri}`))).to.have.property("status", 204);
      }
      expect(world.receipts.recorded.at(-1)).to.have.nested.property("receipts[0].kind", "deleted");
      const { ids, count } = await listed("ann");
      expect([ids[0], count]).to.deep.equal([older, before.count - 1]);
      const gone = await send("GET", inbox("ann", `/${newer}`));
      expect([gone.status, errorOf(gone).id]).to.deep.equal([410, "object_deleted"]);
      expect(await send("GET", inbox("bob", `/${newer}`))).to.have.property("status", 200);
      expect((await listed("bob")).ids).to.include(newer);
    });

    it("fills the pages behind what she deleted, and takes that as a place to go on from", async () => {
      const ids = [await anAnnouncement(["ann"]), await anAnnouncement(["ann"]), await anAnnouncement(["ann"])];
      const [third, second, first] = ids;
      await send("DELETE", inbox("ann", `/${second}`));
      expect((await listed("ann", "?page_size=2")).ids).to.deep.equal([first, third]);
      expect((await listed("ann", `?page_size=1&from_id=${second}`)).ids).to.deep.equal([third]);
    });

    it("is 404 for what is not in her inbox: others', recalled, unknown, no id; and for nobody", async () => {
      const [others, recalled] = [await anAnnouncement(["bob"]), await anAnnouncement()];
      await send("DELETE", `/apps/${app}/announcements/${recalled}`);
      const recorded = world.receipts.recorded.length;
      for (const id of [others, recalled, randomUUID(), "first"]) {
        const reply = await send("DELETE", inbox("ann", `/${id}`));
        expect([reply.status, errorOf(reply).id]).to.deep.equal([404, "not_found"]);
      }
      expect(await send("DELETE", inbox("nobody", `/${await anAnnouncement()}`))).to.have.property("status", 404);
      expect(world.receipts.recorded).to.have.lengthOf(recorded);
    });
  });

  describe("GET users/:user/announcements", () => {
    it("leaves out what came by the time named", async () => {
      const user = `u${randomUUID()}`;
      world.directory.aUser(app, user);
      const old = await anAnnouncement([user]);
      const row = world.fanout.announcements.get(`${app}/${old}`);
      Object.assign(row ?? {}, { at: Date.UTC(2026, 0, 2) });
      const fresh = await anAnnouncement([user]);
      const since = "?since=2026-01-02T02:00:00%2B01:00";
      expect(await listed(user)).to.deep.equal({ ids: [fresh, old], count: 2 });
      expect(await listed(user, since)).to.deep.equal({ ids: [fresh], count: 1 });
    });

    it("shows only what is unread, in pages that are counted", async () => {
      const user = `u${randomUUID()}`;
      world.directory.aUser(app, user);
      const ids = [await anAnnouncement([user]), await anAnnouncement([user]), await anAnnouncement([user])];
      const [first, second = "", third] = ids;
      Object.assign(world.receipts.recipients.get(second)?.[0] ?? {}, { status: "read" });
      expect(await listed(user, "?unread=true")).to.deep.equal({ ids: [third, first], count: 2 });
      expect(await listed(user, `?unread=true&page_size=1&from_id=${third}&since=2026-01-02T00:00:00Z`)).to.deep.equal({
        ids: [first],
        count: 2,
      });
      expect(world.receipts.asked).to.deep.equal({ userId: user, after: third, since: Date.UTC(2026, 0, 2), limit: 1 });
      expect((await listed(user, "?unread=false")).ids).to.have.lengthOf(3);
      expect(await send("GET", inbox(user, `?unread=true&from_id=${randomUUID()}`))).to.have.property("status", 404);
    });

    it("is empty where nothing is unread, and 404 for nobody", async () => {
      expect(await listed("ops", "?unread=true")).to.deep.equal({ ids: [], count: 0 });
      expect(await send("GET", inbox("nobody", "?unread=true"))).to.have.property("status", 404);
    });

    it("refuses a time and a choice that are none, by name", async () => {
      for (const [query, property] of [
        ["?since=yesterday", "since"],
        ["?since=2026-01-02", "since"],
        ["?since=", "since"],
        ["?unread=yes", "unread"],
        ["?unread=", "unread"],
        ["?unread=true&page_size=0", "page_size"],
      ]) {
        const reply = await send("GET", inbox("ann", query));
        expect([reply.status, errorOf(reply).data], query).to.deep.equal([422, { property }]);
      }
    });
  });

  describe("users/:user/visit and users/:user/missed", () => {
    const user = `v${randomUUID()}`;
    const at = "2026-01-02T03:04:05.678Z";
    const put = (body?: unknown, who = user) => send("PUT", `/apps/${app}/users/${who}/visit`, { body });
    const get = (path: string, who = user) => send("GET", `/apps/${app}/users/${who}/${path}`);

    it("count from the last visit on, or from the time named; ever before the first", async () => {
      world.directory.aUser(app, user);
      const unseen = { visited_at: null, last_seen_at: null, known_since: null };
      expect((await get("visit")).json).to.deep.equal(unseen);
      expect((await get("missed")).json).to.include({ since: null });
      expect(world.receipts.asked).to.deep.equal({ userId: user, since: null, newest: 10 });
      const visited = await put({ at });
      expect([visited.status, visited.json]).to.deep.equal([200, { ...unseen, visited_at: at }]);
      expect((await put({ at: "2026-01-01T00:00:00+01:00" })).json).to.deep.equal({ ...unseen, visited_at: at });
      expect((await get("missed")).json).to.include({ since: at, unread: 1 });
      expect(world.receipts.asked).to.include({ since: Date.parse(at) });
      const named = await get("missed?since=2025-12-31T00:00:00Z");
      expect(named.json).to.include({ since: "2025-12-31T00:00:00.000Z" });
      const newest = await anAnnouncement();
      expect((await get("missed")).json).to.have.nested.property("newest[0]", `layer:///announcements/${newest}`);
    });

    it("is now where no time is named", async () => {
      const before = Date.now();
      await put();
      expect(world.directory.userRow(app, user)?.visitedAt).to.be.within(before, Date.now());
    });

    it("refuse what is no time or is to come, by name, and are 404 for nobody", async () => {
      for (const body of [{ at: "2026-01-02" }, { at: 5 }, { at: "2999-01-01T00:00:00Z" }]) {
        const reply = await put(body);
        expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property: "at" }]);
      }
      expect(await put([])).to.have.property("status", 400);
      expect(errorOf(await get("missed?since=never")).data).to.deep.equal({ property: "since" });
      for (const reply of [await put({ at }, "nobody"), await get("visit", "nobody"), await get("missed", "nobody")]) {
        expect([reply.status, errorOf(reply).id]).to.deep.equal([404, "not_found"]);
      }
    });
  });

  describe("POST users/:user/announcements/read", () => {
    it("marks everything until now, or until a time, which is never after now", async () => {
      const asked = Date.now();
      const all = await markRead("ann");
      expect(all.status).to.equal(202);
      expect(told()).to.include({ userId: "ann" });
      expect(told()?.until).to.be.within(asked, Date.now());
      expect(told()?.at).to.equal(told()?.until);
      const some = await markRead("ann", { until: "2026-01-02T04:04:05.678+01:00" });
      expect([some.status, some.json]).to.deep.equal([202, { until: "2026-01-02T03:04:05.678Z" }]);
      expect(told()?.until).to.equal(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
      await markRead("ann", { until: "2126-01-02T03:04:05.678Z" });
      expect(told()?.until).to.be.within(asked, Date.now());
    });

    it("refuses what is no time, and is 404 for nobody", async () => {
      const bad = await markRead("ann", { until: "yesterday" });
      expect([bad.status, errorOf(bad).data]).to.deep.equal([422, { property: "until" }]);
      expect(await markRead("ann", [])).to.have.property("status", 400);
      expect(await markRead("nobody")).to.have.property("status", 404);
    });
  });
});
