import { createHmac, randomUUID } from "node:crypto";
import { type BackendCall, eventually, type TestBackend, testBackend } from "@strata/testing";
import { expect } from "chai";
import { accountClient, madeToken } from "../support/account-client.ts";
import { expectError, expectStatus, list, member, uuidOf } from "../support/api-client.ts";
import { addBackend, signIn, userClient } from "../support/sign-in.ts";
import { openSocket } from "../support/socket-client.ts";
import { identityId, openWorld, type Platform, textPart } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const questionOf = (call: BackendCall | undefined): unknown => JSON.parse(call?.body ?? "{}");
const textIn = (call: BackendCall | undefined) =>
  member(list(member(member(member(questionOf(call), "data"), "message"), "parts"))[0], "body");
const bodyOf = (message: unknown) => member(list(member(message, "parts"))[0], "body");

const history = (action: string, note?: string) => [
  { rule: "before_send", kind: "before_send", action, dry_run: false, ...(note === undefined ? {} : { note }) },
];

/** As a backend would by hand, from what Standard Webhooks says of it. */
function isSignedBy(secret: string, { headers, body }: BackendCall): boolean {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
  const signature = createHmac("sha256", key).update(signed).digest("base64");
  return String(headers["webhook-signature"]).split(" ").includes(`v1,${signature}`);
}

/** A backend that is called, against the whole of Strata. */
describe("webhooks", function webhooks() {
  this.timeout(60_000);
  let platform: Platform;
  let backend: TestBackend;
  before(async () => {
    platform = await apiPlatform();
  });
  beforeEach(async () => {
    backend = await testBackend();
  });
  afterEach(() => backend[Symbol.asyncDispose]());

  /** An app of its own with a conversation of two, whose backend is asked about what the first of them says there. */
  async function anApp(beforeSend: object | null = {}, policy: object = {}) {
    const app = await openWorld(platform);
    const [ann = "", bob = ""] = await app.users(2);
    const conversation = await app.conversation([ann, bob]);
    const path = `/users/${ann}/conversations/${conversation}/messages`;
    const say = (text: string, extra = {}) => app.api("POST", path, { body: { parts: [textPart(text)], ...extra } });
    const set = (webhook: object | null) =>
      app.api("PUT", "/message_policy", {
        body: { ...policy, before_send: webhook && { url: `${backend.url}/ask`, ...webhook } },
      });
    expectStatus(await set(beforeSend), 200);
    if (beforeSend) {
      await eventually(async () => {
        await say("first");
        return backend.calls.length > 0;
      }, true);
    }
    const matchesOf = async (message: string) => {
      const read = await app.api("GET", `/conversations/${conversation}/messages/${message}/history`);
      return list(member(list(expectStatus(read, 200).json)[0], "matches"));
    };
    const texts = async () => list(expectStatus(await app.api("GET", path), 200).json).map(bodyOf);
    return { app, ann, bob, conversation, path, say, set, matchesOf, texts };
  }

  describe("before a message is sent", () => {
    it("have the backend asked, and its word done: in the message, in its history and in the log", async () => {
      const { say, matchesOf, bob, app, texts } = await anApp({}, { keep_refused_text: true });
      backend.says({ action: "allow" });
      const allowed = uuidOf(expectStatus(await say("one"), 201).json);
      expect(await matchesOf(allowed)).to.deep.equal(history("allow"));
      const asked = backend.calls.at(-1);
      expect(questionOf(asked)).to.deep.include({ type: "message.before_send" });
      expect([asked?.path, textIn(asked)]).to.deep.equal(["/ask", "one"]);
      expect(questionOf(asked)).to.have.nested.property("data.message.id", `layer:///messages/${allowed}`);

      backend.says({ action: "replace", parts: [{ body: "***" }], reason: "a number" });
      const replaced = expectStatus(await say("two", { notification: { text: "two" } }), 201).json;
      expect(bodyOf(replaced)).to.equal("***");
      expect(
        bodyOf(expectStatus(await app.api("GET", `/users/${bob}/messages/${uuidOf(replaced)}`), 200).json),
      ).to.equal("***");
      expect(await matchesOf(uuidOf(replaced))).to.deep.equal(history("replace", "a number"));

      backend.says({ action: "flag", reason: "odd" });
      expect(await matchesOf(uuidOf(expectStatus(await say("three"), 201).json))).to.deep.equal(history("flag", "odd"));

      backend.says({ action: "refuse", reason: "rude" });
      const before = await texts();
      const refused = await say("four");
      expectError(refused, "message_refused");
      // The reason is the backend's own.
      expect(member(refused.json, "data")).to.deep.equal({ rule: "before_send" });
      expect(await texts()).to.deep.equal(before);
      const [logged] = list(expectStatus(await app.api("GET", "/message_policy/refusals"), 200).json);
      expect(logged).to.deep.include({ rule: "before_send", text: "four", matches: history("refuse", "rude") });
    });

    it("are asked over sockets as over REST, with the same words", async () => {
      const { app, ann, conversation } = await anApp();
      const session = await signIn(platform.baseUrl, await addBackend(app), ann);
      await using socket = await openSocket(platform.websocketUrl, session);
      const create = (text: string) =>
        socket.request("Message.create", {
          objectId: `layer:///conversations/${conversation}`,
          data: { parts: [textPart(text)] },
        });
      backend.says({ action: "replace", parts: [{ body: "nicer" }] });
      const sent = await create("rude");
      expect([member(sent, "success"), bodyOf(member(sent, "data"))]).to.deep.equal([true, "nicer"]);
      backend.says({ action: "refuse" });
      expect(member(await create("ruder"), "data")).to.deep.include({ id: "message_refused" });
      const client = userClient(platform.baseUrl, session);
      const body = { parts: [textPart("rudest")] };
      expectError(await client("POST", `/conversations/${conversation}/messages`, { body }), "message_refused");
      expect(textIn(backend.calls.at(-1))).to.equal("rudest");
    });

    it("fail open or closed where the backend is down, slow, or makes no sense, and say why", async () => {
      const { app, say, set, matchesOf } = await anApp({ on_failure: "allow", timeout_ms: 200 });
      const bad: readonly (readonly [() => void, RegExp])[] = [
        [() => backend.answers({ status: 500 }), /^it answered 500$/],
        [() => backend.answers({ body: "<html>" }), /^its answer is not understood/],
        [() => backend.answers({ status: 302, headers: { location: "/elsewhere" } }), /^it answered 302$/],
        [() => backend.hangs(), /^it did not answer within 200 ms$/],
      ];
      for (const [breakDown, why] of bad) {
        breakDown();
        const [match] = await matchesOf(uuidOf(expectStatus(await say("open"), 201).json));
        expect(match).to.deep.include({ action: "allow", dry_run: false });
        expect(member(match, "note")).to.match(why);
      }
      backend.says({ action: "allow" });
      expectStatus(await set({ on_failure: "refuse", timeout_ms: 200 }), 200);
      backend.answers({ status: 500 });
      await eventually(async () => (await say("closed")).status, 503);
      const answer = await say("closed");
      expectError(answer, "service_unavailable");
      expect(answer.headers.get("retry-after")).to.equal("2");
      // Nothing lasts of it.
      expect(list((await app.api("GET", "/message_policy/refusals")).json)).to.deep.equal([]);
      backend.says({ action: "allow" });
      expectStatus(await say("closed"), 201);
    });

    it("spare a backend that does not answer for long, say so, and ask it again once it does", async () => {
      const { say, matchesOf } = await anApp({ on_failure: "allow", timeout_ms: 1_000 });
      const noteOf = async (text: string) =>
        member((await matchesOf(uuidOf(expectStatus(await say(text), 201).json)))[0], "note");
      backend.hangs();
      const silent = /^it did not answer within 1000 ms$/;
      expect(await noteOf("hello?")).to.match(silent);
      const spared = "it was not asked, since it had not answered several times in a row";
      await eventually(() => noteOf("anybody?"), spared, { deadlineMs: 30_000 });
      backend.says({ action: "replace", parts: [{ body: "here" }] });
      await eventually(async () => bodyOf((await say("there?")).json), "here", { deadlineMs: 30_000 });
      expect(bodyOf((await say("still there?")).json)).to.equal("here");
    });

    it("make one message of a request that is repeated under its key, also when the backend was away at first", async () => {
      const { app, path, texts } = await anApp({ on_failure: "refuse" });
      const before = await texts();
      const headers = { "Idempotency-Key": randomUUID() };
      const send = () => app.api("POST", path, { headers, body: { parts: [textPart("once")] } });
      backend.answers({ status: 500 });
      expectError(await send(), "service_unavailable");
      backend.says({ action: "replace", parts: [{ body: "once!" }] });
      const [one, two] = [expectStatus(await send(), 201).json, expectStatus(await send(), 201).json];
      expect(uuidOf(two)).to.equal(uuidOf(one));
      expect(await texts()).to.deep.equal(["once!", ...before]);
    });

    it("ask about nothing that a rule refuses, that is not theirs, or in an app that has none", async () => {
      const rude = { kind: "words", name: "rude", words: ["damn"] };
      const { app, ann, conversation, say } = await anApp({}, { rules: [rude] });
      const count = backend.calls.length;
      expectError(await say("damn"), "message_refused");
      await app.message(conversation, ann, "the backend's own word");
      const other = await anApp(null);
      expectStatus(await other.say("hi"), 201);
      expect(backend.calls).to.have.lengthOf(count);
    });

    it("only record in a dry run what they would have done", async () => {
      const { say, matchesOf } = await anApp({ state: "dry_run", on_failure: "refuse" });
      backend.says({ action: "refuse", reason: "rude" });
      const sent = expectStatus(await say("kept"), 201).json;
      expect(bodyOf(sent)).to.equal("kept");
      expect((await matchesOf(uuidOf(sent)))[0]).to.deep.include({ action: "refuse", dry_run: true, note: "rude" });
    });

    it("ask about what is scheduled when it is due, and wait for the backend where they want its word", async () => {
      const { app, ann, conversation, texts } = await anApp({ applies_to: ["backend", "users"], on_failure: "refuse" });
      const before = await texts();
      backend.answers({ status: 500 });
      const asked = backend.calls.length;
      const body = { sender_id: identityId(ann), parts: [textPart("later")], schedule: { delay_in_seconds: 1 } };
      expectStatus(await app.api("POST", `/conversations/${conversation}/messages`, { body }), 202);
      await eventually(() => backend.calls.length > asked, true);
      expect(textIn(backend.calls.at(-1))).to.equal("later");
      expect(await texts()).to.deep.equal(before);
      backend.says({ action: "replace", parts: [{ body: "later!" }] });
      await eventually(texts, ["later!", ...before], { deadlineMs: 20_000 });
    });

    it("are tried out without a message, and are refused where they lead nowhere", async () => {
      const { app, ann } = await anApp();
      const message = { sender_id: identityId(ann), parts: [textPart("rude")] };
      const preview = (extra: object) => app.api("POST", "/message_policy/preview", { body: { message, ...extra } });
      const count = backend.calls.length;
      expect(expectStatus(await preview({}), 200).json).to.deep.include({ asks_backend: true, matches: [] });
      expect(backend.calls).to.have.lengthOf(count);
      backend.says({ action: "replace", parts: [{ body: "nice" }] });
      const tried = expectStatus(await preview({ ask_backend: true }), 200).json;
      expect([member(tried, "asks_backend"), bodyOf(tried)]).to.deep.equal([false, "nice"]);
      expectError(await preview({ ask_backend: 1 }), "invalid_property", "ask_backend");

      const put = (before_send: unknown) => app.api("PUT", "/message_policy", { body: { before_send } });
      const url = backend.url;
      expectError(await put({}), "invalid_property", "before_send.url");
      expectError(await put({ url: "nowhere" }), "invalid_property", "before_send.url");
      expectError(await put({ url: "https://a:b@example.com/" }), "invalid_property", "before_send.url");
      expectError(await put({ url, timeout_ms: 5_000 }), "invalid_property", "before_send.timeout_ms");
      expectError(await put({ url, on_failure: "panic" }), "invalid_property", "before_send.on_failure");
      const taken = await app.api("PUT", "/message_policy", {
        body: { rules: [{ kind: "words", name: "before_send", words: ["x"] }] },
      });
      expectError(taken, "invalid_property", "rules.name");
    });
  });

  it("are signed with the app's own secret, with two of them while an old one is still good", async () => {
    const { app, say } = await anApp();
    backend.says({ action: "allow" });
    const secretOf = async (overlap_seconds: number) => {
      const made = expectStatus(await app.api("POST", "/signing_secret", { body: { overlap_seconds } }), 200).json;
      return String(member(made, "secret"));
    };
    const signedBy = async (...secrets: string[]) => {
      expectStatus(await say("hi"), 201);
      const call = backend.calls.at(-1);
      return secrets.map((secret) => call !== undefined && isSignedBy(secret, call));
    };
    const other = await openWorld(platform);
    const theirs = expectStatus(await other.api("POST", "/signing_secret", {}), 200).json;
    const first = await secretOf(0);
    expect(await signedBy(first, String(member(theirs, "secret")))).to.deep.equal([true, false]);
    const second = await secretOf(3_600);
    expect(await signedBy(first, second)).to.deep.equal([true, true]);
    const third = await secretOf(0);
    expect(await signedBy(first, second, third)).to.deep.equal([false, false, true]);
    const shown = expectStatus(await app.api("GET", "/signing_secret"), 200).json;
    expect(shown).to.deep.include({ generation: 3, previous_until: null }).and.not.have.any.keys("secret");
    expectError(
      await app.api("POST", "/signing_secret", { body: { overlap_seconds: -1 } }),
      "invalid_property",
      "overlap_seconds",
    );
  });

  it("are set by nobody who may not read what they tell", async () => {
    const app = await openWorld(platform);
    const send = accountClient(platform);
    const tokenFor = async (...scopes: string[]) => {
      const body = { name: "narrow", scopes };
      return madeToken(await send("POST", `/accounts/apps/${app.appId}/tokens`, { body })).text;
    };
    const url = backend.url;
    const thresholds = [{ score: 1, actions: [{ type: "webhook", url }] }];
    for (const [area, path, told, untold] of [
      ["conversations", "/message_policy", { before_send: { url } }, {}],
      ["users", "/moderation/policy", { thresholds }, { thresholds: [] }],
    ] as const) {
      const [writing, both] = [await tokenFor(`${area}:write`), await tokenFor(`${area}:write`, `${area}:read`)];
      const put = (token: string, body: object) => send("PUT", `/apps/${app.appId}${path}`, { token, body });
      expectError(await put(writing, told), "access_denied");
      expectStatus(await put(writing, untold), 200);
      expectStatus(await put(both, told), 200);
    }
  });

  it("decide about who was flagged, or leave it to people, and show what became of each call", async () => {
    const { app, ann, bob } = await anApp(null);
    const cid = (await app.users(1))[0] ?? "";
    const actions = [{ type: "webhook", url: `${backend.url}/decide` }, { type: "suspend" }];
    const policy = { is_active: true, thresholds: [{ score: 1, actions }] };
    const set = expectStatus(await app.api("PUT", "/moderation/policy", { body: policy }), 200).json;
    expect(member(list(member(set, "thresholds"))[0], "actions")).to.deep.equal(actions);
    const flag = async (user: string) =>
      expectStatus(
        await app.api("POST", `/users/${user}/flags`, { body: { by: identityId(ann), reason: "spam" } }),
        201,
      );
    const stateOf = async (user: string) => {
      const moderation = expectStatus(await app.api("GET", `/users/${user}/moderation`), 200).json;
      return member(list(member(moderation, "decisions"))[0], "state");
    };
    backend.says({ verdict: "confirm", by: "classifier", note: "spam" });
    await flag(bob);
    await eventually(() => stateOf(bob), "acted");
    const question = questionOf(backend.calls.at(-1));
    expect(question).to.deep.include({ type: "moderation.decision_requested" });
    expect(question).to.have.nested.property("data.decision.user.user_id", bob);
    const moderation = expectStatus(await app.api("GET", `/users/${bob}/moderation`), 200).json;
    expect(moderation).to.deep.include({ suspended: true });
    expect(member(list(member(moderation, "decisions"))[0], "review")).to.deep.include({
      by: "classifier",
      note: "spam",
    });

    backend.answers({ status: 202 });
    await flag(cid);
    const calls = async () => list(expectStatus(await app.api("GET", "/webhook_calls"), 200).json);
    await eventually(async () => (await calls()).map((call) => member(call, "state")), ["answered", "answered"]);
    expect(await stateOf(cid)).to.equal("pending");
    expect((await calls())[0]).to.deep.include({ type: "moderation.decision_requested", attempts: 1, status: 202 });
    const [first] = await calls();
    const rest = await app.api("GET", `/webhook_calls?from_id=${String(member(first, "id"))}`);
    expect(list(expectStatus(rest, 200).json)).to.have.lengthOf(1);
    expectError(await app.api("GET", "/webhook_calls?from_id=none"), "not_found");
    const stranger = await openWorld(platform);
    expectError(await stranger.api("GET", `/webhook_calls?from_id=${String(member(first, "id"))}`), "not_found");
    expectStatus(await app.api("DELETE", `/users/${cid}`), 202);
    await eventually(async () => (await calls()).length, 1);
  });
});
