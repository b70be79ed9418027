import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, idsOf, list, member, uuidOf } from "../support/api-client.ts";
import { addBackend, signIn, userClient } from "../support/sign-in.ts";
import { openSocket } from "../support/socket-client.ts";
import { identityId, openWorld, type Platform, textPart, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const swearing = { kind: "words", name: "swearing", action: "mask", words: ["damn"] };
const videos = { kind: "mime_types", name: "no videos", list: "deny", types: ["video/*"] };

const put = ({ api }: World, body: unknown) => api("PUT", "/message_policy", { body });
const bodyOf = (message: unknown) => member(list(member(message, "parts"))[0], "body");
const historyOf = (conversation: string, message: string) =>
  `/conversations/${conversation}/messages/${message}/history`;

/** What an app lets be said, against the whole of Strata. */
describe("message policies", function messagePolicies() {
  this.timeout(60_000);
  let platform: Platform;
  before(async () => {
    platform = await apiPlatform();
  });

  /** An app of its own with a conversation of two, and what the first of them says there. */
  async function anApp() {
    const app = await openWorld(platform);
    const [ann = "", bob = ""] = await app.users(2);
    const conversation = await app.conversation([ann, bob]);
    const path = `/users/${ann}/conversations/${conversation}/messages`;
    const say = (text: string, extra = {}) => app.api("POST", path, { body: { parts: [textPart(text)], ...extra } });
    return { app, ann, bob, conversation, say };
  }

  it("are set, read and taken away, each app's its own", async () => {
    const [{ app: one }, { app: other }] = [await anApp(), await anApp()];
    const set = expectStatus(await put(one, { rules: [swearing, videos], mask: "#" }), 200).json;
    expect(set).to.deep.include({ mask: "#", keep_refused_text: false });
    expect(list(member(set, "rules"))[0]).to.deep.equal({ ...swearing, state: "active", applies_to: ["users"] });
    expect(expectStatus(await one.api("GET", "/message_policy"), 200).json).to.deep.equal(set);
    // What is shown of it can be set.
    expect(expectStatus(await put(one, set), 200).json).to.deep.equal(set);
    const nothing = { rules: [], mask: "***", keep_refused_text: false, before_send: null };
    expect(expectStatus(await other.api("GET", "/message_policy"), 200).json).to.deep.equal(nothing);
    expectStatus(await one.api("DELETE", "/message_policy"), 204);
    expect(expectStatus(await one.api("GET", "/message_policy"), 200).json).to.deep.equal(nothing);
  });

  it("are refused by the property that is wrong, a pattern with its place", async () => {
    const { app } = await anApp();
    const rows: readonly (readonly [object, string])[] = [
      [{ ruls: [] }, "ruls"],
      [{ rules: [{ ...swearing, word: [] }] }, "rules.word"],
      [{ rules: [{ ...videos, action: "mask" }] }, "rules.action"],
      [{ rules: [swearing, swearing] }, "rules.name"],
      [{ rules: [{ ...swearing, words: ["?"] }] }, "rules.words"],
      [{ rules: [{ kind: "regex", name: "r", pattern: "(a" }] }, "rules.pattern"],
      [{ rules: [{ kind: "rate", name: "r", max_messages: 0, window_seconds: 1, per: "app" }] }, "rules.max_messages"],
      [{ mask: "" }, "mask"],
    ];
    for (const [body, property] of rows) expectError(await put(app, body), "invalid_property", property);
    expectError(await put(app, []), "invalid_request");
    const wrong = await put(app, { rules: [swearing, { kind: "regex", name: "r", pattern: "ab(c" }] });
    expect(member(wrong.json, "message")).to.equal("rules.1.pattern: missing closing ) at character 4");
    expect(member(expectStatus(await app.api("GET", "/message_policy"), 200).json, "rules")).to.deep.equal([]);
  });

  it("mask what users say, for all who read it, and let the backend say what it wants", async () => {
    const { app, ann, bob, conversation, say } = await anApp();
    expectStatus(await put(app, { rules: [swearing] }), 200);
    await eventually(async () => bodyOf(expectStatus(await say("Damn it"), 201).json), "*** it");
    const sent = uuidOf(expectStatus(await say("DAMN"), 201).json);
    const read = expectStatus(await app.api("GET", `/users/${bob}/messages/${sent}`), 200).json;
    expect(bodyOf(read)).to.equal("***");
    const message = await app.message(conversation, ann, "damn");
    const path = `/conversations/${conversation}/messages`;
    expect(bodyOf(expectStatus(await app.api("GET", `${path}/${message}`), 200).json)).to.equal("damn");

    const [placed, ...more] = list(expectStatus(await app.api("GET", historyOf(conversation, sent)), 200).json);
    expect(more).to.deep.equal([]);
    expect(placed).to.deep.include({
      event: "placed",
      by: { user_id: identityId(ann), name: null },
      matches: [{ rule: "swearing", kind: "words", action: "mask", dry_run: false }],
    });
    expectStatus(await app.api("DELETE", `/users/${bob}/messages/${sent}?mode=my_devices`), 204);
    expectStatus(await app.api("DELETE", `${path}/${sent}`), 204);
    const after = list(expectStatus(await app.api("GET", historyOf(conversation, sent)), 200).json);
    expect(after.map((one) => [member(one, "event"), member(member(one, "by"), "user_id")])).to.deep.equal([
      ["placed", identityId(ann)],
      ["hidden", identityId(bob)],
      ["deleted", null],
    ]);
    expectError(await app.api("GET", historyOf(conversation, randomUUID())), "not_found");
  });

  it("refuse over REST and over a socket by the name of the rule, and keep a log", async () => {
    const { app, ann, conversation, say } = await anApp();
    expectStatus(await put(app, { rules: [{ ...swearing, action: "refuse" }], keep_refused_text: true }), 200);
    await eventually(async () => (await say("damn 1")).status, 422);
    const refused = await say("damn 2");
    expectError(refused, "message_refused");
    expect(member(refused.json, "data")).to.deep.equal({ rule: "swearing" });
    const backend = await addBackend(app);
    const session = await signIn(platform.baseUrl, backend, ann);
    const client = userClient(platform.baseUrl, session);
    const body = { parts: [textPart("damn 3")] };
    expectError(await client("POST", `/conversations/${conversation}/messages`, { body }), "message_refused");
    await using socket = await openSocket(platform.websocketUrl, session);
    const asked = { objectId: `layer:///conversations/${conversation}`, data: { parts: [textPart("damn 4")] } };
    const answered = await socket.request("Message.create", asked);
    expect(member(answered, "success")).to.equal(false);
    expect(member(answered, "data")).to.deep.include({ id: "message_refused", code: 125, data: { rule: "swearing" } });

    const page = expectStatus(await app.api("GET", "/message_policy/refusals?page_size=2"), 200);
    expect(list(page.json).map((one) => member(one, "text"))).to.deep.equal(["damn 4", "damn 3"]);
    expect(list(page.json)[0]).to.deep.include({ rule: "swearing", sender: { user_id: identityId(ann), name: null } });
    const last = idsOf(page.json).at(-1);
    const rest = expectStatus(await app.api("GET", `/message_policy/refusals?from_id=${last}`), 200);
    expect(page.headers.get("layer-count")).to.equal(rest.headers.get("layer-count"));
    expect(list(rest.json).map((one) => member(one, "text"))).to.include.members(["damn 2", "damn 1"]);
    expectError(await app.api("GET", `/message_policy/refusals?from_id=${randomUUID()}`), "not_found");
    const stranger = await anApp();
    expectError(await stranger.app.api("GET", `/message_policy/refusals?from_id=${last}`), "not_found");
    expect(expectStatus(await stranger.app.api("GET", "/message_policy/refusals"), 200).json).to.deep.equal([]);
  });

  it("let no more through in a window than they say, whatever is sent at once", async () => {
    const { app, say } = await anApp();
    const rate = { kind: "rate", name: "slowly", max_messages: 3, window_seconds: 3_600, per: "sender" };
    // The first rule shows that the policy judges, without counting for the second.
    expectStatus(await put(app, { rules: [{ ...swearing, action: "refuse" }, rate] }), 200);
    await eventually(async () => (await say("damn")).status, 422);
    const replies = await Promise.all(Array.from({ length: 8 }, (_, n) => say(`${n}`)));
    const refused = replies.filter(({ status }) => status !== 201);
    expect(replies.length - refused.length).to.be.at.most(3);
    for (const reply of refused) expect(member(reply.json, "data")).to.deep.equal({ rule: "slowly" });
    expectError(await say("more"), "message_refused");
  });

  it("are tried out, the app's own or another", async () => {
    const { app, ann } = await anApp();
    const preview = (body: unknown) => app.api("POST", "/message_policy/preview", { body });
    const message = { sender_id: identityId(ann), parts: [textPart("damn")], notification: { text: "damn" } };
    const own = expectStatus(await preview({ message }), 200).json;
    expect(own).to.deep.include({ refused_by: null, matches: [], asked_rates: [] });
    const policy = { rules: [swearing] };
    const tried = expectStatus(await preview({ policy, message }), 200).json;
    expect(tried).to.deep.include({
      refused_by: null,
      matches: [{ rule: "swearing", kind: "words", action: "mask", dry_run: false }],
      parts: [{ mime_type: "text/plain", body: "***", encoding: null }],
      notification: { title: null, text: "***" },
    });
    const backends = expectStatus(await preview({ policy, message, sent_by: "backend" }), 200).json;
    expect(backends).to.deep.include({ matches: [] });
    expectError(await preview({ policy }), "missing_property", "message");
    expectError(await preview({ policy, message, sent_by: "nobody" }), "invalid_property", "sent_by");
    expectError(await preview({ policy: { rules: 1 }, message }), "invalid_property", "rules");
    expectError(await preview({ message: { sender_id: identityId(ann) } }), "missing_property", "parts");
  });
});
