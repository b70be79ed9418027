import { randomUUID } from "node:crypto";
import { ChangeConversation, RuleUserLeft } from "@strata/contracts";
import type { Client, Publisher } from "@strata/messaging";
import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { aConversation, aDelivery, namingUsers, openStores, recordingPublisher } from "../test/support.ts";
import { newRun, ruleKey, type RuleRow } from "./domain/membership-rule.ts";
import { changeConversation } from "./handlers/change-conversation.ts";
import { departPage } from "./rule-departures.ts";

const [ann, bea] = [aUserId(1), aUserId(2)];
const cause = aDelivery({});

const aRule = (app: string): RuleRow => {
  const ruleId = randomUUID();
  const warning = null;
  const terms = { kind: "leave" as const, filter: null, inactiveMs: 1, joinRuleId: null, warning, everyMs: 1 };
  const times = { createdAt: 0, updatedAt: 0, nextRunAt: null, deletedAt: null };
  return {
    _id: ruleKey(app, ruleId),
    app,
    ruleId,
    name: "away",
    isActive: true,
    terms,
    ...times,
    current: 0,
    by: "x",
  };
};
const aRun = (rule: RuleRow) => newRun({ rule, runId: randomUUID(), isDryRun: false, at: 9_000, by: "x" });

describe("leaving by a rule", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("rule-departures");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** The lane of a conversation, in this process. */
  const client: Pick<Client, "request"> = {
    async request(command, app, payload, { id = randomUUID() } = {}) {
      const change = ChangeConversation.payload.parse(payload);
      const deps = { ...stores, ...namingUsers(), publisher: recordingPublisher().publisher };
      const outcome = await changeConversation(deps)(aDelivery(change, { app, id }));
      if (outcome.kind === "refuse") throw outcome.error;
      if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
      return command.reply.parse(outcome.reply);
    },
  };
  const departing = (publisher: Publisher) =>
    departPage({
      ...stores,
      publisher,
      client: { ...client, ask: () => Promise.reject(new Error("nobody is asked")) },
    });

  it("is told once she is out, also when the process died between the two, and leaves nothing behind", async () => {
    const app = anAppId();
    const rows = [await aConversation(stores, app, [ann, bea]), await aConversation(stores, app, [ann])];
    const ids = rows.map(({ conversationId }) => conversationId);
    const rule = aRule(app);
    const run = aRun(rule);
    const recorded = recordingPublisher();
    recorded.failNext(new Error("it died"));
    const failure = await departing(recorded.publisher)(rule, run, [ann], cause).catch((error: unknown) => error);
    expect(failure).to.have.property("message", "it died");
    const people = async () =>
      (await Promise.all(ids.map((id) => stores.conversations.find(app, id)))).map((row) => row?.participants);
    expect(await people()).to.deep.equal([[bea], []]);

    expect(await departing(recorded.publisher)(rule, run, [ann], cause)).to.deep.equal([
      { userId: ann, outcome: "left" },
    ]);
    const told = recorded.events.map(({ type, id, payload }) => ({
      type,
      id,
      payload: RuleUserLeft.payload.parse(payload),
    }));
    expect(told.map(({ type, id }) => [type, id])).to.deep.equal([[RuleUserLeft.type, `${run._id}/${ann}/left`]]);
    expect(told[0]?.payload.conversationIds).to.have.members(ids);
    expect((await stores.members.find(rule, [ann])).size).to.equal(0);
    expect(await departing(recorded.publisher)(rule, aRun(rule), [ann], cause)).to.deep.equal([]);
    expect(recorded.events).to.have.lengthOf(1);
  });
});
