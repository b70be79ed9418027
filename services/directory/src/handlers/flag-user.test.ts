import { randomUUID } from "node:crypto";
import { DEFAULT_MODERATION_POLICY, type FlagUser, type ModerationPolicy, type PayloadOf } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { deleteUser } from "./delete-user.ts";
import { flagUser } from "./flag-user.ts";
import { getFlag, listFlags, withdrawFlag } from "./flags.ts";

type Flagging = PayloadOf<typeof FlagUser>;

const HOUR_MS = 3_600_000;
const WINDOW_MS = DEFAULT_MODERATION_POLICY.windowSeconds * 1_000;

const aFlag = (app: string, extra: Partial<Flagging> = {}) =>
  aDelivery<Flagging>(
    {
      flagId: randomUUID(),
      userId: "eve",
      by: "ann",
      message: null,
      reason: "spam",
      comment: null,
      at: 10 * HOUR_MS,
      ...extra,
    },
    { app },
  );
const aMessage = () => ({ messageId: randomUUID(), conversationId: randomUUID() });

describe("flagUser, withdrawFlag, getFlag and listFlags", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("flag-user");
  });
  after(() => stores[Symbol.asyncDispose]());

  const anApp = async (...others: string[]) => {
    const app = anAppId();
    for (const userId of ["eve", "ann", "bob", ...others]) await withIdentity(stores, app, userId);
    return app;
  };
  const handle = async (delivery: ReturnType<typeof aFlag>) => {
    const { events, publisher } = recordingPublisher();
    return { outcome: await flagUser({ ...stores, publisher })(delivery), events };
  };
  const flag = async (app: string, extra: Partial<Flagging> = {}) => {
    const { outcome } = await handle(aFlag(app, extra));
    return outcome.kind === "reply" ? outcome.reply : outcome;
  };
  const withdraw = async (app: string, flagId: string, userId = "eve") => {
    const { events, publisher } = recordingPublisher();
    const delivery = aDelivery({ userId, flagId, at: 11 * HOUR_MS }, { app });
    return { outcome: await withdrawFlag({ ...stores, publisher })(delivery), events, delivery };
  };
  const list = async (app: string, after: string | null = null, limit = 100) => {
    const outcome = await listFlags(stores)(aDelivery({ userId: "eve", after, limit }, { app }));
    if (outcome.kind !== "reply") throw new Error("no list");
    return outcome.reply;
  };
  const setPolicy = (app: string, policy: Partial<ModerationPolicy>) =>
    stores.moderationPolicies.put(app, { ...DEFAULT_MODERATION_POLICY, ...policy }, { at: 1, by: "test" });

  it("is one for each flagger and subject: a repeat corrects reason and comment, and makes no second", async () => {
    const app = await anApp();
    const message = aMessage();
    const first = await flag(app);
    expect(first).to.have.property("outcome", "created");
    const again = await flag(app, { reason: "hate", comment: "see her profile" });
    const expected = { outcome: "exists", flag: { ...Object(Object(first).flag), reason: "hate", version: 2 } };
    expect(again).to.deep.equal({ ...expected, flag: { ...expected.flag, comment: "see her profile" } });
    expect(await flag(app, { message })).to.have.property("outcome", "created");
    expect(await flag(app, { by: "bob" })).to.have.property("outcome", "created");
    // As it is already.
    const { outcome, events } = await handle(aFlag(app, { reason: "hate", comment: "see her profile" }));
    expect([outcome.kind, events]).to.deep.equal(["reply", []]);
    const { flags, total } = await list(app);
    expect(total).to.equal(3);
    expect(flags?.map(({ by, messageId, reason }) => [by, messageId, reason])).to.have.deep.members([
      ["ann", null, "hate"],
      ["ann", message.messageId, "spam"],
      ["bob", null, "spam"],
    ]);
  });

  it("tells users apart whose ids hold whatever joins them", async () => {
    const app = await anApp("a/b", "c", "a", "b/c");
    expect(await flag(app, { userId: "a/b", by: "c" })).to.have.property("outcome", "created");
    expect(await flag(app, { userId: "a", by: "b/c" })).to.have.property("outcome", "created");
  });

  it("says of an id that is taken whose it is, and nothing of another app's", async () => {
    const [app, other] = [await anApp(), await anApp()];
    const flagId = randomUUID();
    expect(await flag(app, { flagId })).to.have.property("outcome", "created");
    expect(await flag(app, { flagId })).to.have.property("outcome", "in-use");
    const taken = await flag(app, { flagId, by: "bob" });
    expect(taken).to.have.property("outcome", "in-use");
    expect(taken).to.have.nested.property("flag.by", "ann");
    expect(await flag(other, { flagId, by: "bob" })).to.have.property("outcome", "created");
    const outcome = await getFlag(stores)(aDelivery({ flagId: randomUUID() }, { app }));
    expect(outcome).to.have.deep.property("reply", { flag: null });
  });

  it("is made once and told again when its command comes again", async () => {
    const app = await anApp();
    const delivery = aFlag(app);
    const { outcome, events } = await afterFailedPublish(stores, flagUser, delivery);
    expect(outcome).to.have.nested.property("reply.outcome", "created");
    expect(await handle(delivery)).to.deep.equal({ outcome, events });
    expect(events.map(({ type, subjectVersion }) => [type, subjectVersion])).to.deep.equal([
      ["directory.flag.created.v1", 1],
    ]);
    const correction = aFlag(app, { reason: "hate" });
    const corrected = await handle(correction);
    expect(await handle(correction)).to.deep.equal(corrected);
    expect(corrected.events.map(({ type, subjectVersion }) => [type, subjectVersion])).to.deep.equal([
      ["directory.flag.changed.v1", 2],
    ]);
  });

  it("refuses by name oneself, strangers, and reasons that the app does not know", async () => {
    const app = await anApp();
    const refusal = async (extra: Partial<Flagging>) => {
      const { outcome, events } = await handle(aFlag(app, extra));
      expect(events).to.deep.equal([]);
      return outcome.kind === "refuse" ? [outcome.error.code, outcome.error.details["property"]] : outcome;
    };
    expect(await refusal({ by: "eve" })).to.deep.equal(["invalid_property", "by"]);
    expect(await refusal({ by: "nobody" })).to.deep.equal(["invalid_property", "by"]);
    expect(await refusal({ userId: "nobody" })).to.deep.equal(["not_found", undefined]);
    expect(await refusal({ reason: "rudeness" })).to.deep.equal(["invalid_property", "reason"]);
    expect(await refusal({ reason: "constructor" })).to.deep.equal(["invalid_property", "reason"]);
    await setPolicy(app, { weights: { rudeness: 2 } });
    expect(await flag(app, { reason: "rudeness" })).to.have.property("outcome", "created");
  });

  it("is limited by the hour for each flagger, and says when there is room again", async () => {
    const app = await anApp("cid");
    await setPolicy(app, { maxFlagsPerHour: 2 });
    await flag(app, { at: 10 * HOUR_MS });
    await flag(app, { at: 10 * HOUR_MS + 60_000, userId: "bob" });
    const late = { at: 10 * HOUR_MS + 120_000, message: aMessage() };
    const { outcome } = await handle(aFlag(app, late));
    expect(outcome).to.have.nested.property("error.code", "rate_limit_exceeded");
    expect(outcome).to.have.nested.property("error.details.retryAfterMs", HOUR_MS - 120_000);
    expect(outcome).to.have.nested.property("error.message").that.includes("max_flags_per_hour");
    // To correct what is there is no further flag, and others have their own.
    expect(await flag(app, { at: late.at, reason: "hate" })).to.have.property("outcome", "exists");
    expect(await flag(app, { ...late, by: "cid" })).to.have.property("outcome", "created");
    expect(await flag(app, { ...late, at: 11 * HOUR_MS })).to.have.property("outcome", "created");
  });

  it("can be taken back, once, and comes back as a person left it", async () => {
    const app = await anApp();
    const made = await flag(app);
    const flagId = String(Object(made).flag.flagId);
    await stores.flags.settle(app, "eve", { from: ["open"], to: "dismissed", at: 10 * HOUR_MS, by: "person" });
    expect((await withdraw(app, flagId, "bob")).outcome).to.have.nested.property("error.code", "not_found");
    const { outcome, events, delivery } = await withdraw(app, flagId);
    expect([outcome.kind, events.map(({ type }) => type)]).to.deep.equal(["ack", ["directory.flag.withdrawn.v1"]]);
    const { events: again, publisher } = recordingPublisher();
    await withdrawFlag({ ...stores, publisher })(delivery);
    expect(again).to.deep.equal(events);
    expect((await withdraw(app, flagId)).outcome).to.have.nested.property("error.code", "not_found");
    expect(await list(app)).to.deep.equal({ flags: [], total: 0 });
    expect(await list(app, flagId)).to.deep.equal({ flags: null, total: 0 });

    expect(await flag(app, { at: 12 * HOUR_MS })).to.have.nested.property("flag.state", "dismissed");
    // So long after, it is another matter.
    const anew = await flag(app, { at: 10 * HOUR_MS + WINDOW_MS });
    expect(anew).to.deep.nested.include({ "flag.state": "open", "flag.createdAt": 10 * HOUR_MS + WINDOW_MS });
    expect((await list(app)).total).to.equal(1);
  });

  it("is answered as it was, and not brought back, when its command comes again after it was taken back", async () => {
    const app = await anApp();
    const delivery = aFlag(app);
    const made = await handle(delivery);
    await withdraw(app, delivery.payload.flagId);
    const again = await handle(delivery);
    expect(again.outcome).to.have.nested.property("reply.outcome", "created");
    expect(again.outcome).to.have.nested.property("reply.flag.state", "open");
    expect([made.events.length, again.events]).to.deep.equal([1, []]);
    expect(await list(app)).to.deep.equal({ flags: [], total: 0 });
  });

  it("is listed in pages, the newest first, none twice", async () => {
    const app = await anApp();
    for (let n = 0; n < 5; n += 1) {
      await flag(app, { message: aMessage(), at: 1_000 + (n >> 1) });
    }
    const whole = (await list(app)).flags ?? [];
    expect(whole.map(({ createdAt }) => createdAt)).to.deep.equal([1_002, 1_001, 1_001, 1_000, 1_000]);
    const pages = [];
    for (let after: string | null = null; ;) {
      const { flags } = await list(app, after, 2);
      if (!flags || flags.length === 0) break;
      pages.push(...flags);
      after = flags.at(-1)?.flagId ?? null;
    }
    expect(pages).to.deep.equal(whole);
    expect(await list(app, randomUUID())).to.have.property("flags", null);
  });

  it("goes with either of the two when one is deleted, also when it is made meanwhile", async () => {
    const app = await anApp("cid");
    await flag(app);
    await flag(app, { by: "bob" });
    await flag(app, { userId: "bob", by: "eve" });
    const forget = (userId: string) =>
      deleteUser({ ...stores, ...recordingPublisher() })(aDelivery({ userId, at: Date.now() }, { app }));
    await forget("ann");
    expect((await list(app)).flags?.map(({ by }) => by)).to.deep.equal(["bob"]);
    await forget("eve");
    expect(await stores.db.collection("flags").countDocuments({ app })).to.equal(0);
    // Both are there when it is looked at, and the flagger is deleted before it is stored.
    const find = async (appId: string, userId: string) => {
      const row = await stores.identities.find(appId, userId);
      if (userId === "cid") await forget("cid");
      return row;
    };
    const identities = { ...stores.identities, find };
    const racing = aFlag(app, { userId: "bob", by: "cid" });
    const outcome = await flagUser({ ...stores, identities, ...recordingPublisher() })(racing);
    expect(outcome).to.have.nested.property("error.details.property", "by");
    expect(await stores.db.collection("flags").countDocuments({ app })).to.equal(0);
  });
});
