import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, idsOf, list, member, uuidOf } from "./support/api-client.ts";
import { addBackend, signIn, userClient } from "./support/sign-in.ts";
import { identityId, openWorld, textPart, type World } from "./support/world.ts";

/** Extensions: what an app does about whom users flag. */
export function moderationDecisions(world: () => World): void {
  /** An app of its own, with a policy of one threshold. */
  async function anApp(actions: readonly object[], score = 3, extra: object = {}) {
    const app = await openWorld(world().platform);
    const policy = { is_active: true, thresholds: [{ score, actions }], ...extra };
    expectStatus(await app.api("PUT", "/moderation/policy", { body: policy }), 200);
    return app;
  }
  const flag = async ({ api }: World, user: string, by: string, extra: object = {}) =>
    expectStatus(await api("POST", `/users/${user}/flags`, { body: { by, reason: "spam", ...extra } }), 201);
  const explained = async ({ api }: World, user: string) =>
    expectStatus(await api("GET", `/users/${user}/moderation`), 200).json;
  const decisionsOf = async (app: World, user: string) => list(member(await explained(app, user), "decisions"));
  const statesOf = (decision: unknown) =>
    list(member(decision, "actions")).map(
      (action) => `${String(member(action, "type"))} ${String(member(action, "state"))}`,
    );
  const known = async (app: World, count: number): Promise<readonly string[]> => {
    const userIds = Array.from({ length: count }, () => app.newUserId());
    await app.platform.insertUsers(app.appId, userIds);
    return userIds;
  };
  const isSuspended = async ({ api }: World, user: string) =>
    member(expectStatus(await api("GET", `/users/${user}`), 200).json, "suspended");
  const review = (app: World, decision: unknown, body: object, rest = "") =>
    app.api("POST", `/moderation/decisions/${uuidOf(decision)}${rest}`, { body });

  describe("a moderation policy", () => {
    it("acts exactly once under 200 flags at the same time, each action once", async () => {
      const app = await anApp(
        [{ type: "block_flaggers" }, { type: "suspend" }, { type: "webhook" }, { type: "warn" }],
        5,
      );
      const [eve = "", ...flaggers] = await known(app, 201);
      // Whoever is told that there is no time for it asks again, as any client does.
      const flagged = async (by: string) => {
        const headers = { "Idempotency-Key": by };
        const reply = await app.api("POST", `/users/${eve}/flags`, { body: { by, reason: "harassment" }, headers });
        return reply.status;
      };
      await Promise.all(flaggers.map((by) => eventually(() => flagged(by), 201, { deadlineMs: 40_000 })));
      const [decision, ...others] = await decisionsOf(app, eve);
      expect(others).to.deep.equal([]);
      expect(decision).to.deep.include({ threshold: 5, score: 5, episode: 1, state: "pending", policy_revision: 1 });
      expect(statesOf(decision)).to.deep.equal([
        "block_flaggers done",
        "suspend done",
        "webhook pending",
        "warn waiting",
      ]);
      expect(list(member(decision, "flags"))).to.have.lengthOf(5);
      expect(await isSuspended(app, eve)).to.equal(true);
      const blocking = list(member(decision, "flags")).map((one) => String(member(one, "by")));
      for (const by of blocking) {
        const path = `/users/${by.split("/").at(-1)}/blocks`;
        await eventually(async () => idsOf((await app.api("GET", path)).json), [identityId(eve)]);
      }
      expect(await explained(app, eve)).to.deep.include({ score: 200, suspended: true, next_threshold: null });
    });

    it("mutes: she cannot send, her backend can, and she can again once it is reversed", async () => {
      const app = await anApp([{ type: "mute", seconds: 3_600 }], 2);
      const [eve = "", ann = "", bob = ""] = await app.users(3);
      const conversation = await app.conversation([eve, ann]);
      const { baseUrl } = app.platform;
      const evesClient = userClient(baseUrl, await signIn(baseUrl, await addBackend(app), eve));
      const send = () =>
        evesClient("POST", `/conversations/${conversation}/messages`, { body: { parts: [textPart("hello")] } });
      expectStatus(await send(), 201);
      await flag(app, eve, ann);
      await flag(app, eve, bob);
      expectError(await send(), "user_muted");
      await app.message(conversation, eve, "said for her");
      const [decision] = await decisionsOf(app, eve);
      expect(Date.parse(String(member(await explained(app, eve), "muted_until")))).to.be.above(Date.now());
      expectStatus(await review(app, decision, { by: "Mia" }, "/reverse"), 200);
      expectStatus(await send(), 201);
      expect(member(await explained(app, eve), "muted_until")).to.equal(null);
    });

    it("hides the flagged messages from everybody but their sender, and shows them again once it is reversed", async () => {
      const app = await anApp([{ type: "hide_message" }], 2);
      const [eve = "", ann = "", bob = "", cid = ""] = await app.users(4);
      const conversation = await app.conversation([eve, ann, bob, cid]);
      const message = await app.message(conversation, eve, "an insult");
      const reply = await app.message(conversation, ann, "please don't");
      const seenBy = async (user: string) =>
        idsOf((await app.api("GET", `/users/${user}/conversations/${conversation}/messages`)).json).map((id) =>
          id.split("/").at(-1),
        );
      await app.api("DELETE", `/users/${cid}/messages/${message}?mode=my_devices`);
      await flag(app, eve, ann, { message });
      await flag(app, eve, bob, { message });
      for (const user of [ann, bob]) await eventually(() => seenBy(user), [reply]);
      expect(await seenBy(eve)).to.deep.equal([reply, message]);
      const unread = async () =>
        member((await app.api("GET", `/users/${bob}/conversations/${conversation}`)).json, "unread_message_count");
      expect(await unread()).to.equal(1);
      // Who comes in later, with all that was said before, does not see it either.
      const [dan = ""] = await app.users(1);
      const add = [{ operation: "add", property: "participants", id: `layer:///identities/${dan}` }];
      const patch = { "Content-Type": "application/vnd.layer-patch+json" };
      expectStatus(await app.api("PATCH", `/conversations/${conversation}`, { body: add, headers: patch }), 204);
      await eventually(() => seenBy(dan), [reply]);
      const [decision] = await decisionsOf(app, eve);
      expect(decision).to.have.nested.property("actions[0].messages[0]", `layer:///messages/${message}`);
      expectStatus(await review(app, decision, { by: "Mia" }, "/reverse"), 200);
      for (const user of [ann, bob]) await eventually(() => seenBy(user), [reply, message]);
      expect(await seenBy(dan)).to.deep.equal([reply, message]);
      // Who had deleted it herself does not get it back.
      expect(await seenBy(cid)).to.deep.equal([reply]);
    });

    it("waits for an answer where it asks, and does what it is told, once", async () => {
      const app = await anApp([{ type: "webhook" }, { type: "suspend" }], 1);
      const [eve = "", ann = "", bob = ""] = await app.users(3);
      await flag(app, eve, ann);
      await flag(app, bob, ann);
      const [ofEve] = await decisionsOf(app, eve);
      const [ofBob] = await decisionsOf(app, bob);
      expect(ofEve).to.include({ state: "pending" });
      const confirmed = await review(app, ofEve, { verdict: "confirm", by: "Mia", note: "clear" });
      expect(expectStatus(confirmed, 200).json).to.include({ state: "acted" });
      expect(member(confirmed.json, "review")).to.include({ verdict: "confirm", by: "Mia", note: "clear" });
      expect(await isSuspended(app, eve)).to.equal(true);
      expectError(await review(app, ofEve, { verdict: "confirm", by: "Mia" }), "invalid_operation");
      const dismissed = expectStatus(await review(app, ofBob, { verdict: "dismiss", by: "Mia" }), 200).json;
      expect([member(dismissed, "state"), statesOf(dismissed)]).to.deep.equal([
        "dismissed",
        ["webhook skipped", "suspend skipped"],
      ]);
      expect(await isSuspended(app, bob)).to.equal(false);
      const shown = await app.api("GET", `/moderation/decisions/${uuidOf(ofBob)}`);
      expect(expectStatus(shown, 200).json).to.deep.equal(dismissed);
    });

    it("is taken back once, and its flags do not cross again", async () => {
      const app = await anApp([{ type: "suspend" }], 2);
      const [eve = "", ann = "", bob = "", cid = ""] = await app.users(4);
      await flag(app, eve, ann);
      await flag(app, eve, bob);
      expect(await isSuspended(app, eve)).to.equal(true);
      const [decision] = await decisionsOf(app, eve);
      expectError(await review(app, decision, {}, "/reverse"), "missing_property", "by");
      expectStatus(await review(app, decision, { by: "Mia" }, "/reverse"), 200);
      expectError(await review(app, decision, { by: "Mia" }, "/reverse"), "invalid_operation");
      expect(await isSuspended(app, eve)).to.equal(false);
      await flag(app, eve, cid);
      expect(await isSuspended(app, eve)).to.equal(false);
      const { json } = expectStatus(await app.api("GET", `/users/${eve}/moderation`), 200);
      expect(member(json, "score")).to.equal(1);
      const weighing = list(member(json, "flags")).map((one) => [member(one, "state"), member(one, "weighing")]);
      expect(weighing).to.deep.equal([
        ["open", "counts"],
        ["dismissed", "dismissed"],
        ["dismissed", "dismissed"],
      ]);
    });

    it("says what it would have done before it is switched on, and changes nothing by it", async () => {
      const app = await anApp([{ type: "suspend" }], 100);
      const [eve = "", ann = "", bob = "", cid = ""] = await app.users(4);
      const since = new Date(Date.now() - 60_000).toISOString();
      for (const by of [ann, bob, cid]) await flag(app, eve, by, { reason: "hate" });
      await flag(app, ann, bob);
      const policy = { reasons: { hate: 2 }, thresholds: [{ score: 4, actions: [{ type: "suspend" }] }] };
      const simulate = (body: unknown, query = "") => app.api("POST", `/moderation/policy/simulate${query}`, { body });
      const { json } = expectStatus(await simulate({ policy, since }), 200);
      expect(json).to.deep.include({ flagged_users: 2, next_from_id: null });
      const [acted, ...others] = list(member(json, "users"));
      expect(others).to.deep.equal([]);
      expect(member(acted, "user")).to.equal(identityId(eve));
      const decisions = list(member(acted, "decisions"));
      expect(decisions).to.have.lengthOf(1);
      expect(decisions[0]).to.deep.include({ threshold: 4, score: 4, actions: [{ type: "suspend" }] });
      expect([await isSuspended(app, eve), await decisionsOf(app, eve)]).to.deep.equal([false, []]);
      const later = new Date(Date.now() + 60_000).toISOString();
      expect(member((await simulate({ policy, since: later })).json, "flagged_users")).to.equal(0);
      expectError(await simulate({ policy }), "missing_property", "since");
      expectError(await simulate({ policy, since: "yesterday" }), "invalid_property", "since");
      expectError(await simulate({ policy: { activ: true }, since }), "invalid_property", "policy.activ");
      expectError(await simulate({ policy, since }, "?from_id="), "not_found");
      expectStatus(await simulate({ policy, since }, "?from_id=layer:///identities/zzz"), 200);
    });
  });

  describe("the review queue", () => {
    it("lists who waits, by score or by age, in pages, until somebody has said something", async () => {
      const app = await anApp([{ type: "webhook" }], 100);
      const [eve = "", ann = "", bob = "", cid = ""] = await app.users(4);
      await flag(app, ann, cid);
      for (const by of [ann, bob, cid]) await flag(app, eve, by);
      await flag(app, bob, ann);
      await flag(app, bob, cid);
      const queue = async (query = "") => expectStatus(await app.api("GET", `/moderation/queue${query}`), 200);
      const usersOf = (json: unknown) => list(json).map((row) => String(member(row, "user")).split("/").at(-1));
      const whole = await queue();
      expect(usersOf(whole.json)).to.deep.equal([eve, bob, ann]);
      expect(whole.headers.get("layer-count")).to.equal("3");
      expect(list(whole.json)[0]).to.deep.include({ score: 3, open_flags: 3, pending_decisions: 0 });
      expect(usersOf((await queue("?sort_by=oldest")).json)).to.deep.equal([ann, eve, bob]);
      expect(usersOf((await queue("?page_size=1")).json)).to.deep.equal([eve]);
      expect(usersOf((await queue(`?page_size=1&from_id=${eve}`)).json)).to.deep.equal([bob]);
      expect(usersOf((await queue(`?sort_by=oldest&from_id=${eve}`)).json)).to.deep.equal([bob]);
      expectError(await app.api("GET", "/moderation/queue?sort_by=name"), "invalid_property", "sort_by");
      expectError(await app.api("GET", `/moderation/queue?from_id=${cid}`), "not_found");

      const say = (user: string, body: object) => app.api("POST", `/users/${user}/moderation/review`, { body });
      expectError(await say(eve, { verdict: "dismiss" }), "missing_property", "by");
      expectError(await say(eve, { verdict: "reverse", by: "Mia" }), "invalid_property", "verdict");
      expectError(await say(app.newUserId(), { verdict: "dismiss", by: "Mia" }), "not_found");
      expectStatus(await say(eve, { verdict: "dismiss", by: "Mia", note: "a joke" }), 204);
      expectStatus(await say(bob, { verdict: "confirm", by: "Mia" }), 204);
      expect(usersOf((await queue()).json)).to.deep.equal([ann]);
      const ofEve = await explained(app, eve);
      expect([member(ofEve, "score"), member(member(ofEve, "review"), "note")]).to.deep.equal([0, "a joke"]);
      expect(member(await explained(app, bob), "score")).to.equal(2);
      // Who flagged is forgotten, and with her what she said.
      expectStatus(await app.api("DELETE", `/users/${cid}`), 202);
      await eventually(async () => usersOf((await queue()).json), []);
      expectError(await app.api("GET", `/users/${cid}/moderation`), "not_found");
    });

    it("has nothing of another app, and decisions are no other app's", async () => {
      const [one, other] = [await anApp([{ type: "webhook" }], 1), await anApp([{ type: "webhook" }], 1)];
      const [eve = "", ann = ""] = await one.users(2);
      await flag(one, eve, ann);
      const [decision] = await decisionsOf(one, eve);
      expect(expectStatus(await other.api("GET", "/moderation/queue"), 200).json).to.deep.equal([]);
      expectError(await other.api("GET", `/moderation/decisions/${uuidOf(decision)}`), "not_found");
      expectError(await review(other, decision, { verdict: "confirm", by: "Mallory" }), "not_found");
      expectError(await review(other, decision, { by: "Mallory" }, "/reverse"), "not_found");
      expectError(await one.api("GET", `/moderation/decisions/${randomUUID()}`), "not_found");
      expectError(await one.api("GET", "/moderation/decisions/none"), "not_found");
      expectError(await other.api("GET", `/users/${eve}/moderation`), "not_found");
      expect((await decisionsOf(one, eve)).map((made) => member(made, "state"))).to.deep.equal(["pending"]);
    });
  });
}
