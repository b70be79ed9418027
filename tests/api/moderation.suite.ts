import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { expectError, expectStatus, idsOf, list, member, uuidOf } from "./support/api-client.ts";
import { addBackend, signIn, type UserClient, userClient } from "./support/sign-in.ts";
import { identityId, openWorld, type World } from "./support/world.ts";

/** Extensions: flags, and what an app does about whom they are against. */
export function moderation(world: () => World): void {
  /** An app of its own: a policy holds for all of one. */
  const anApp = () => openWorld(world().platform);
  const flag = ({ api }: World, user: string, body: object, options: object = {}) =>
    api("POST", `/users/${user}/flags`, { body, ...options });

  describe("flags", () => {
    it("are one for each flagger and subject: created once, then corrected", async () => {
      const app = await anApp();
      const [eve = "", ann = ""] = await app.users(2);
      const body = { by: identityId(ann), reason: "harassment", comment: "insults me" };
      const { json } = expectStatus(await flag(app, eve, body), 201);
      expect(json).to.deep.include({
        user: identityId(eve),
        by: identityId(ann),
        message: null,
        conversation: null,
        reason: "harassment",
        comment: "insults me",
        state: "open",
      });
      const again = expectStatus(await flag(app, eve, { by: ann, reason: "hate" }, { version: "1.0" }), 200).json;
      expect(again).to.deep.include({ id: member(json, "id"), user: eve, by: ann, reason: "hate", comment: null });
      const path = `/users/${eve}/flags`;
      expect(idsOf(expectStatus(await app.api("GET", path), 200).json)).to.deep.equal([member(json, "id")]);
      const one = expectStatus(await app.api("GET", `${path}/${uuidOf(json)}`), 200);
      expect(member(one.json, "reason")).to.equal("hate");
      expectStatus(await app.api("DELETE", `${path}/${uuidOf(json)}`), 204);
      expectError(await app.api("DELETE", `${path}/${uuidOf(json)}`), "not_found");
      expectError(await app.api("GET", `${path}/${uuidOf(json)}`), "not_found");
      expect(expectStatus(await app.api("GET", path), 200).headers.get("layer-count")).to.equal("0");
    });

    it("are of messages that the flagger can see, and of their senders", async () => {
      const app = await anApp();
      const [eve = "", ann = "", bob = ""] = await app.users(3);
      const conversation = await app.conversation([eve, ann]);
      const message = await app.message(conversation, eve, "an insult");
      const body = { by: ann, reason: "hate", message: `layer:///messages/${message}` };
      const { json } = expectStatus(await flag(app, eve, body), 201);
      expect(json).to.deep.include({
        message: `layer:///messages/${message}`,
        conversation: `layer:///conversations/${conversation}`,
      });
      expectError(await flag(app, eve, { ...body, by: bob }), "invalid_property", "message");
      expectError(await flag(app, bob, body), "invalid_property", "message");
      expectError(await flag(app, eve, { ...body, message: randomUUID() }), "invalid_property", "message");
      expectError(await flag(app, eve, { ...body, message: "that one" }), "invalid_property", "message");
    });

    it("are refused by the property that is wrong", async () => {
      const app = await anApp();
      const [eve = "", ann = ""] = await app.users(2);
      expectError(await flag(app, eve, []), "invalid_request");
      expectError(await flag(app, eve, { reason: "spam" }), "missing_property", "by");
      expectError(await flag(app, eve, { by: ann }), "missing_property", "reason");
      expectError(await flag(app, eve, { by: ann, reason: "Rudeness!" }), "invalid_property", "reason");
      expectError(await flag(app, eve, { by: ann, reason: "rudeness" }), "invalid_property", "reason");
      expectError(await flag(app, eve, { by: eve, reason: "spam" }), "invalid_property", "by");
      expectError(await flag(app, eve, { by: app.newUserId(), reason: "spam" }), "invalid_property", "by");
      expectError(await flag(app, eve, { by: "layer:///messages/x", reason: "spam" }), "invalid_property", "by");
      const comment = "x".repeat(2_001);
      expectError(await flag(app, eve, { by: ann, reason: "spam", comment }), "invalid_property", "comment");
      expectError(await flag(app, app.newUserId(), { by: ann, reason: "spam" }), "not_found");
      expectError(await flag(app, "x".repeat(129), { by: ann, reason: "spam" }), "invalid_property", "user_id");
      expectError(await app.api("GET", `/users/${app.newUserId()}/flags`), "not_found");
      expectError(await app.api("GET", `/users/${eve}/flags?from_id=${randomUUID()}`), "not_found");
      expectError(await app.api("GET", `/users/${eve}/flags?page_size=0`), "invalid_property", "page_size");
      expectError(await app.api("DELETE", `/users/${eve}/flags/none`), "not_found");
    });

    it("are de-duplicated like whatever is created", async () => {
      const app = await anApp();
      const [eve = "", ann = "", bob = ""] = await app.users(3);
      const id = randomUUID();
      const body = { by: ann, reason: "spam" };
      const made = expectStatus(await flag(app, eve, body, { id }), 201).json;
      expect(member(made, "id")).to.equal(`layer:///flags/${id}`);
      const repeated = await flag(app, eve, body, { id });
      expectError(repeated, "id_in_use");
      expect(member(repeated.json, "data")).to.deep.equal(made);
      const headers = { "Idempotency-Key": "tonight" };
      const keyed = expectStatus(await flag(app, eve, { ...body, by: bob }, { headers }), 201).json;
      expect(expectStatus(await flag(app, eve, { ...body, by: bob }, { headers }), 201).json).to.deep.equal(keyed);
      expectError(await flag(app, eve, { by: bob, reason: "hate" }, { headers }), "invalid_operation");
      expectError(await flag(app, eve, body, { id: "mine" }), "invalid_request_id");
    });

    it("are limited by the hour for each flagger, by a limit that the answer names", async () => {
      const app = await anApp();
      const [eve = "", ann = "", bob = ""] = await app.users(3);
      expectStatus(await app.api("PUT", "/moderation/policy", { body: { max_flags_per_hour: 1 } }), 200);
      expectStatus(await flag(app, eve, { by: ann, reason: "spam" }), 201);
      const refused = await flag(app, bob, { by: ann, reason: "spam" });
      expectError(refused, "rate_limit_exceeded");
      expect(member(member(refused.json, "data"), "limit")).to.equal("max_flags_per_hour");
      expect(Number(refused.headers.get("retry-after"))).to.be.within(3_000, 3_600);
      expectStatus(await flag(app, eve, { by: bob, reason: "spam" }), 201);
    });

    it("are nobody's of another app, and of no token without the scope", async () => {
      const [one, other] = [await anApp(), await anApp()];
      const [eve = "", ann = ""] = await one.users(2);
      const made = expectStatus(await flag(one, eve, { by: ann, reason: "spam" }), 201).json;
      const path = `/users/${eve}/flags/${uuidOf(made)}`;
      expectError(await other.api("GET", path), "not_found");
      expectError(await other.api("DELETE", path), "not_found");
      expectError(await one.api("GET", path, { token: other.token }), "invalid_app_id");
      expectStatus(await one.api("GET", path), 200);
    });
  });

  describe("flags by users themselves", () => {
    const as = async (app: World, userId: string): Promise<UserClient> => {
      const { baseUrl } = app.platform;
      return userClient(baseUrl, await signIn(baseUrl, await addBackend(app), userId));
    };

    it("are made with a session of a user or a message, and taken back by who made them alone", async () => {
      const app = await anApp();
      const [eve = "", ann = "", bob = ""] = await app.users(3);
      const [annsClient, bobsClient] = [await as(app, ann), await as(app, bob)];
      const conversation = await app.conversation([eve, ann]);
      const message = `layer:///messages/${await app.message(conversation, eve, "an insult")}`;
      const ofMessage = expectStatus(await annsClient("POST", "/flags", { body: { message, reason: "hate" } }), 201);
      expect(ofMessage.json).to.deep.include({ user: identityId(eve), by: identityId(ann), message });
      const ofUser = await annsClient("POST", "/flags", { body: { user: identityId(eve), reason: "spam" } });
      const { json } = expectStatus(ofUser, 201);
      expectStatus(await annsClient("POST", "/flags", { body: { user: identityId(eve), reason: "scam" } }), 200);
      expectError(
        await bobsClient("POST", "/flags", { body: { message, reason: "hate" } }),
        "invalid_property",
        "message",
      );
      expectError(await annsClient("POST", "/flags", { body: { reason: "hate" } }), "missing_property", "user");
      expectError(
        await annsClient("POST", "/flags", { body: { user: identityId(ann), reason: "spam" } }),
        "invalid_property",
        "by",
      );
      expectError(await annsClient("POST", "/flags", { body: { user: app.newUserId(), reason: "spam" } }), "not_found");
      const unsigned = await userClient(app.platform.baseUrl, null)("POST", "/flags", { body: {} });
      expectError(unsigned, "authentication_required");

      // The same key of another's is another key, and her flag is shown to nobody else, whatever he knows of it.
      const headers = { "Idempotency-Key": "tonight" };
      const [annsKeyed, bobsKeyed] = [
        await annsClient("POST", "/flags", {
          headers,
          body: { user: identityId(bob), reason: "spam", comment: "hers" },
        }),
        await bobsClient("POST", "/flags", { headers, body: { user: identityId(ann), reason: "hate" } }),
      ];
      expect([annsKeyed.status, bobsKeyed.status]).to.deep.equal([201, 201]);
      expect(bobsKeyed.json).to.include({ by: identityId(bob), reason: "hate" });
      const taken = await bobsClient("POST", "/flags", {
        headers: { "If-None-Match": uuidOf(annsKeyed.json) },
        body: { user: identityId(eve), reason: "spam" },
      });
      expectError(taken, "id_in_use");
      expect(member(taken.json, "data") ?? null).to.equal(null);

      const path = `/flags/${uuidOf(json)}`;
      expect(member(expectStatus(await annsClient("GET", path), 200).json, "reason")).to.equal("scam");
      expectError(await bobsClient("GET", path), "not_found");
      expectError(await bobsClient("DELETE", path), "not_found");
      expectStatus(await annsClient("DELETE", path), 204);
      expectError(await annsClient("GET", path), "not_found");
      const left = expectStatus(await app.api("GET", `/users/${eve}/flags`), 200).json;
      expect(idsOf(left)).to.deep.equal([member(ofMessage.json, "id")]);
    });
  });

  describe("an app's moderation policy", () => {
    it("is that of before any until it is set, as a whole, and is no other app's", async () => {
      const [one, other] = [await anApp(), await anApp()];
      const path = "/moderation/policy";
      const before = expectStatus(await one.api("GET", path), 200).json;
      expect(before).to.deep.include({ is_active: false, thresholds: [], revision: 0, updated_at: null });
      const wanted = {
        is_active: true,
        reasons: { harassment: 3, rudeness: 1 },
        window_seconds: 3_600,
        thresholds: [
          { score: 20, actions: [{ type: "webhook" }, { type: "suspend" }] },
          {
            score: 5,
            actions: [
              { type: "warn", text: "be_kind" },
              { type: "mute", seconds: 600 },
            ],
          },
        ],
      };
      const set = expectStatus(await one.api("PUT", path, { body: wanted }), 200).json;
      expect(set).to.deep.include({ ...wanted, thresholds: wanted.thresholds.toReversed(), revision: 1 });
      expect(expectStatus(await one.api("GET", path), 200).json).to.deep.equal(set);
      expect(member((await other.api("GET", path)).json, "is_active")).to.equal(false);
      expectStatus(await one.api("DELETE", path), 204);
      const after = expectStatus(await one.api("GET", path), 200).json;
      expect(after).to.deep.include({ ...Object(before), revision: 2, updated_at: member(after, "updated_at") });
    });

    it("is refused by the property that is wrong, and stays as it was", async () => {
      const app = await anApp();
      const put = (body: unknown) => app.api("PUT", "/moderation/policy", { body });
      const threshold = (score: number, ...actions: object[]) => ({ score, actions });
      const suspend = { type: "suspend" };
      for (const [body, property] of [
        [{ activ: true }, "activ"],
        [{ reasons: { "Rude!": 1 } }, "reasons.Rude!"],
        [{ reasons: { spam: -1 } }, "reasons.spam"],
        [{ window_seconds: 1 }, "window_seconds"],
        [{ thresholds: [threshold(5, { type: "ban" })] }, "thresholds.actions.type"],
        [{ thresholds: [threshold(5)] }, "thresholds.actions"],
        [{ thresholds: [threshold(5, { type: "mute" })] }, "thresholds.actions.seconds"],
        [{ thresholds: [threshold(5, { ...suspend, seconds: 1 })] }, "thresholds.actions.seconds"],
        [{ thresholds: [threshold(0, suspend)] }, "thresholds.score"],
        [{ thresholds: [threshold(5, suspend), threshold(5, suspend)] }, "thresholds"],
      ] as const) {
        expectError(await put(body), "invalid_property", property);
      }
      expectError(await put([]), "invalid_request");
      expect(list(member((await app.api("GET", "/moderation/policy")).json, "thresholds"))).to.deep.equal([]);
    });
  });
}
