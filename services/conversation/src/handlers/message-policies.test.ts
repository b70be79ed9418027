import { randomUUID } from "node:crypto";
import {
  type BeforeSendVerdict,
  MessageFlagged,
  type MessagePolicy,
  MessageRefused,
  RecordAct,
} from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDraft, aPart, blocking, codeOf, refusalOf, repliedBy, sentOf } from "../../test/messages.ts";
import { aBeforeSend, aPolicy, aRateRule, aRegexRule, aSizeRule, aWordsRule } from "../../test/policies.ts";
import { aConversation, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { changeParts } from "./change-parts.ts";
import { deleteMessage, hideMessage } from "./delete-message.ts";
import { getMessageHistory, listRefusedMessages } from "./message-history.ts";
import { getMessagePolicy, previewMessagePolicy, setMessagePolicy } from "./message-policies.ts";
import { sendMessages } from "./send-message.ts";

const change = (conversationId: string, messageId: string, body: string) => ({
  conversationId,
  messageId,
  change: { kind: "append", part: aPart(body) } as const,
  maxParts: 10,
  at: 5_000,
});

const wordsFacts = (name: string) => [{ name, kind: "words", action: "refuse", state: "active" }];

describe("message policies", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("message-policies");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** A new app with a policy and a conversation of users 1 to 3. */
  async function setUp(policy: MessagePolicy) {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(3));
    const { events, publisher } = recordingPublisher();
    let clock = Date.now();
    const deps = { ...stores, ...blocking(), publisher, now: () => clock };
    const set = async (next: MessagePolicy | null, at = Date.now()) =>
      repliedBy(await setMessagePolicy({ ...stores, publisher })(aDelivery({ policy: next, at }, { app }))).policy;
    await set(policy);
    const command = (text: string, changed: Parameters<typeof aDraft>[1] = {}, where = conversationId) =>
      aDelivery(aDraft(where, { parts: [aPart(text)], ...changed }), { app, id: randomUUID() });
    const send = async (delivery: ReturnType<typeof command>) => (await sendMessages(deps)([delivery]))[0];
    const refused = async (after: string | null = null, limit = 100) =>
      repliedBy(await listRefusedMessages(stores)(aDelivery({ after, limit }, { app })));
    const history = async (messageId: string, where = conversationId) =>
      repliedBy(await getMessageHistory(stores)(aDelivery({ conversationId: where, messageId }, { app }))).history;
    const pass = (ms: number) => (clock += ms);
    return { app, conversationId, deps, events, set, command, send, refused, history, pass };
  }

  it("are set, read and taken away, the latest of them, and refused for a pattern that is none", async () => {
    const policy = aPolicy([aWordsRule(["bad"])]);
    const { app, set } = await setUp(policy);
    const get = async (of = app) => repliedBy(await getMessagePolicy(stores)(aDelivery({}, { app: of }))).policy;
    expect(await get()).to.deep.equal(policy);
    expect(await set(aPolicy([]), 1)).to.deep.equal(policy);
    expect(await refusalOf(set(aPolicy([aRegexRule("(")])))).to.equal("invalid_property");
    expect(await get()).to.deep.equal(policy);
    expect(await get(anAppId())).to.have.deep.property("rules", []);
    expect(await set(null)).to.have.deep.property("rules", []);
  });

  it("ask for the backend's word first, store nothing until it is there, and what it says with the message", async () => {
    const beforeSend = aBeforeSend({ onFailure: "refuse" });
    const { command, send, refused, history, events } = await setUp(aPolicy([], { beforeSend }));
    const delivery = command("a bad word");
    const asked = await send(delivery);
    expect(repliedBy(asked)).to.deep.equal({ outcome: "ask", message: null, beforeSend });
    expect(await history(delivery.payload.messageId)).to.equal(null);
    const saying = (verdict: BeforeSendVerdict | null) => ({ ...delivery, payload: { ...delivery.payload, verdict } });
    expect(codeOf(await send(saying({ outcome: "none", note: "gone" })))).to.equal("service_unavailable");
    // Nothing lasts of that: the same command finds no refusal when it comes again.
    expect((await refused()).total).to.equal(0);
    const sent = sentOf(await send(saying({ outcome: "flag", note: "odd" })));
    const hits = [{ rule: "before_send", kind: "before_send", action: "flag", isDryRun: false, note: "odd" }];
    expect((await history(sent.messageId))?.[0]).to.deep.include({ kind: "placed", hits });
    expect(events.find(({ type }) => type === MessageFlagged.type)?.payload).to.deep.include({
      rules: ["before_send"],
    });
    // What is there is answered as it is, whoever is to be asked by now.
    expect(sentOf(await send({ ...delivery, isRedelivered: true }))).to.deep.equal(sent);
  });

  it("keep a log of what the backend refuses, and count no rate before it was asked", async () => {
    const { command, send, refused } = await setUp(aPolicy([aRateRule(1)], { beforeSend: aBeforeSend() }));
    const verdict = { outcome: "refuse", note: "no" } as const;
    expect(codeOf(await send(command("one", { verdict })))).to.equal("message_refused");
    expect((await refused()).refused?.[0]).to.deep.include({ rule: "before_send" });
    const two = command("two");
    for (let n = 0; n < 3; n += 1) expect(repliedBy(await send(two))).to.include({ outcome: "ask" });
    const allowed = { ...two, payload: { ...two.payload, verdict: { outcome: "allow", note: null } as const } };
    expect(sentOf(await send(allowed)).position).to.equal(1);
    expect(codeOf(await send(command("three", { verdict: { outcome: "allow", note: null } })))).to.equal(
      "message_refused",
    );
  });

  it("have each setting written down with what was there before, the same however often it comes", async () => {
    const app = anAppId();
    const { commands, publisher } = recordingPublisher();
    const setting = (policy: MessagePolicy | null, at: number) => aDelivery({ policy, at }, { app, id: randomUUID() });
    const set = (delivery: ReturnType<typeof setting>) => setMessagePolicy({ ...stores, publisher })(delivery);
    await set(setting(aPolicy([aWordsRule(["$where"], { name: "one" })]), 1));
    const second = setting(aPolicy([aWordsRule(["x"], { name: "two" })], { beforeSend: aBeforeSend() }), 2);
    await set(second);
    await set(second);
    // Late: it changes nothing.
    await set(setting(null, 1));
    await set(setting(null, 3));
    const acts = commands.map(({ payload }) => RecordAct.payload.parse(payload));
    const named = acts.map(({ action, before, after }) => [
      action,
      before?.["rules"] ?? null,
      after?.["rules"] ?? null,
    ]);
    expect(named).to.deep.equal([
      ["message_policy.set", null, wordsFacts("one")],
      ["message_policy.set", wordsFacts("one"), wordsFacts("two")],
      ["message_policy.set", wordsFacts("one"), wordsFacts("two")],
      ["message_policy.removed", wordsFacts("two"), null],
    ]);
    expect(acts[1]).to.deep.equal(acts[2]);
    expect(acts[1]).to.deep.include({ entryId: second.id, subject: { kind: "message_policy", id: app } });
    expect(JSON.stringify(acts)).to.not.include("where");
  });

  it("mask what is stored, searched and shown of a message, and say so in its history", async () => {
    const { app, command, send, history, deps } = await setUp(aPolicy([aWordsRule(["bad"], { action: "mask" })]));
    const delivery = command("a bad word", { notification: { text: "a bad word" } });
    const sent = sentOf(await send(delivery));
    expect(sent.parts[0]?.body).to.equal("a *** word");
    const row = await deps.messages.find(`${app}/${sent.messageId}`);
    expect(row).to.have.deep.property("notification", { text: "a *** word" });
    expect(row?.tokens).to.include("word").and.not.include("bad");
    const hits = [{ rule: "words", kind: "words", action: "mask", isDryRun: false }];
    const placed = { kind: "placed", at: sent.sentAt, by: { userId: aUserId(1) }, hits };
    expect(await history(sent.messageId)).to.deep.equal([placed]);
    expect(await history(sent.messageId, randomUUID())).to.equal(null);
    expect(await history(randomUUID())).to.equal(null);
  });

  it("flag a message to its backend, with the same event when the command comes again", async () => {
    const { command, send, events, set } = await setUp(aPolicy([aWordsRule(["odd"], { action: "flag" })]));
    const delivery = command("how odd");
    const first = sentOf(await send(delivery));
    // Judged as it was the first time, whatever the policy says by now.
    await set(aPolicy([aWordsRule(["odd"])]));
    expect(sentOf(await send({ ...delivery, isRedelivered: true }))).to.deep.equal(first);
    const flagged = events.filter(({ type }) => type === MessageFlagged.type);
    expect(flagged).to.have.lengthOf(2);
    expect(flagged[1]).to.deep.equal(flagged[0]);
    expect(flagged[0]?.payload).to.deep.include({ messageId: first.messageId, rules: ["words"], position: 1 });
  });

  it("refuse a message by the name of the rule, and keep a log of it without the text", async () => {
    const policy = aPolicy([aWordsRule(["bad"], { name: "swearing" })]);
    const { command, send, events, refused, set, conversationId, deps, app } = await setUp(policy);
    const delivery = command("bad");
    const outcome = await send(delivery);
    expect(codeOf(outcome)).to.equal("message_refused");
    expect(outcome?.kind === "refuse" && outcome.error.details).to.deep.equal({ rule: "swearing" });
    const { messageId } = delivery.payload;
    const [row] = (await refused()).refused ?? [];
    expect(row).to.deep.include({
      conversationId,
      messageId,
      rule: "swearing",
      text: null,
      sender: { userId: aUserId(1) },
    });
    expect(events.map(({ type }) => type)).to.deep.equal([MessageRefused.type]);
    expect(events[0]?.payload).to.deep.include({ messageId, rule: "swearing" }).and.not.include.keys("text");
    expect(await deps.conversations.find(app, conversationId)).to.have.property("lastPosition", 0);

    // The command comes again when all may be said: it was refused, and stays so.
    await set(null);
    expect(codeOf(await send({ ...delivery, isRedelivered: true }))).to.equal("message_refused");
    expect(await refused()).to.have.property("total", 1);
    expect(events[1]).to.deep.equal(events[0]);
    expect(sentOf(await send(command("bad"))).position).to.equal(1);
  });

  it("keep the beginning of what was refused where they are asked to, and no other app's", async () => {
    const { command, send, refused } = await setUp(aPolicy([aWordsRule(["bad"])], { isRefusedTextKept: true }));
    for (const text of ["bad 1", "bad 2", `bad ${"x".repeat(3_000)}`]) await send(command(text));
    const { refused: rows, total } = await refused();
    expect([total, rows?.map(({ text }) => text?.length).toSorted()]).to.deep.equal([3, [2_000, 5, 5]]);
    const ids = rows?.map(({ refusalId }) => refusalId) ?? [];
    expect((await refused(null, 1)).refused?.map(({ refusalId }) => refusalId)).to.deep.equal(ids.slice(0, 1));
    expect((await refused(ids[0])).refused?.map(({ refusalId }) => refusalId)).to.deep.equal(ids.slice(1));
    expect(await refused(randomUUID())).to.have.property("refused", null);
    const other = await setUp(aPolicy([]));
    expect(await other.refused()).to.deep.equal({ refused: [], total: 0 });
    expect(await other.refused(ids[0])).to.have.property("refused", null);
  });

  it("let so many through in a window, over all conversations, and count no command twice", async () => {
    const { app, command, send, pass } = await setUp(aPolicy([aRateRule(2)]));
    const elsewhere = await aConversation(stores, app, userIds(3));
    const first = command("1");
    sentOf(await send(first));
    sentOf(await send(first));
    sentOf(await send({ ...first, isRedelivered: true }));
    sentOf(await send(command("2", {}, elsewhere.conversationId)));
    expect(codeOf(await send(command("3")))).to.equal("message_refused");
    expect(sentOf(await send(first))).to.have.property("position", 1);
    sentOf(await send(command("another's", { sender: { userId: aUserId(2) } })));
    pass(60_001);
    sentOf(await send(command("4")));
  });

  it("count a whole group, and nothing that is refused for another reason", async () => {
    const { command, deps } = await setUp(aPolicy([aWordsRule(["bad"]), aRateRule(2, { per: "conversation" })]));
    const group = ["bad", "1", "bad", "2", "3"].map((text) => command(text));
    const stranger = command("0", { sender: { userId: aUserId(9) } });
    const outcomes = await sendMessages(deps)([stranger, ...group]);
    const said = outcomes.map((outcome) => (outcome.kind === "reply" ? "sent" : codeOf(outcome)));
    const refusal = "message_refused";
    expect(said).to.deep.equal(["not_found", refusal, "sent", refusal, "sent", refusal]);
  });

  it("hold for parts that the backend changes where they are asked to, and all is in the history", async () => {
    const words = aWordsRule(["bad"], { action: "mask", appliesTo: ["backend"] });
    const size = aSizeRule({ maxParts: 2, appliesTo: ["backend"] });
    const { app, conversationId, command, send, deps, history, refused, events } = await setUp(aPolicy([words, size]));
    const { messageId, sentAt } = sentOf(await send(command("bad")));
    const delivery = aDelivery(change(conversationId, messageId, "so bad"), { app });
    const { message } = repliedBy(await changeParts(deps)(delivery));
    expect(message.parts.map(({ body }) => body)).to.deep.equal(["bad", "so ***"]);
    const third = aDelivery(change(conversationId, messageId, "more"), { app });
    expect(await refusalOf(changeParts(deps)(third))).to.equal("message_refused");
    expect(await refusalOf(changeParts(deps)({ ...third, isRedelivered: true }))).to.equal("message_refused");
    expect((await refused()).refused?.map(({ rule, sender }) => [rule, sender])).to.deep.equal([["size", null]]);
    expect(new Set(events.filter(({ type }) => type === MessageRefused.type).map(({ id }) => id)).size).to.equal(1);

    await hideMessage(deps)(aDelivery({ conversationId, messageId, userId: aUserId(2) }, { app }));
    await deleteMessage(deps)(aDelivery({ conversationId, messageId, actor: aUserId(3) }, { app }));
    const [placed, changed, hidden, deleted, ...more] = (await history(messageId)) ?? [];
    expect(more).to.deep.equal([]);
    expect(placed).to.deep.equal({ kind: "placed", at: sentAt, by: { userId: aUserId(1) }, hits: [] });
    expect(changed).to.deep.include({ kind: "parts_changed", at: 5_000, by: null, removed: [] });
    expect(changed).to.have.nested.property("hits[0].rule", "words");
    expect(hidden).to.deep.include({ kind: "hidden", by: aUserId(2) });
    expect(deleted).to.deep.include({ kind: "deleted", by: aUserId(3) });
  });

  it("are tried out without a trace, the app's own or another", async () => {
    const { app, refused } = await setUp(aPolicy([aWordsRule(["bad"]), aRateRule(1)]));
    const message = { ...aDraft(randomUUID(), { parts: [aPart("bad")] }) };
    const preview = async (policy: MessagePolicy | null) =>
      repliedBy(await previewMessagePolicy(stores)(aDelivery({ policy, message }, { app })));
    expect(await preview(null)).to.deep.include({ refusedBy: "words", askedRates: [] });
    const masking = await preview(aPolicy([aWordsRule(["bad"], { action: "mask" }), aRateRule(1)], { mask: "#" }));
    expect(masking).to.deep.include({ refusedBy: null, parts: [aPart("#")], askedRates: ["rate"] });
    expect(await refusalOf(preview(aPolicy([aRegexRule("(")])))).to.equal("invalid_property");
    expect(await refused()).to.have.property("total", 0);
  });
});
