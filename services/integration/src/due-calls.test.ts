import { randomUUID } from "node:crypto";
import { type ModerationDecisionRequested, type PayloadOf, ReviewDecision } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { recordingPublisher } from "@strata/messaging/testing";
import { anAppId, eventually, testBackend, testLogger } from "@strata/testing";
import { expect } from "chai";
import { Webhook } from "standardwebhooks";
import { aDelivery, openWorld, type World } from "../test/support.ts";
import { startDueCalls } from "./due-calls.ts";
import { followDecision, forgetUser } from "./handlers/follow-decisions.ts";
import { rotateSigningSecret } from "./handlers/signing-secret.ts";
import { callKey, type CallRow } from "./store/call-store.ts";

type Requested = PayloadOf<typeof ModerationDecisionRequested>;

const aDecision = (url: string | null, userId = "eve"): Requested => ({
  userId,
  decisionId: randomUUID(),
  threshold: 5,
  score: 6,
  revision: 2,
  actions: [{ kind: "mute", seconds: 60 }, { kind: "suspend" }],
  at: 1_790_000_000_000,
  url,
});

describe("calls of webhooks that are due", () => {
  let world: World;
  before(async () => {
    world = await openWorld("due-calls");
  });
  after(() => world[Symbol.asyncDispose]());

  const rows = () => world.db.collection<CallRow>("webhook_calls");

  /** A backend with an app of its own; what its answers make of decisions is in `reviews`. */
  async function setUp(refusal?: string) {
    const app = anAppId();
    const backend = await testBackend();
    const reviews: { id: string | undefined; payload: PayloadOf<typeof ReviewDecision> }[] = [];
    const due = startDueCalls(
      {
        store: world.calls,
        call: world.call,
        metrics: world.metrics,
        log: testLogger("integration"),
        broker: {
          async request(command, _app, payload, options) {
            reviews.push({ id: options?.id, payload: ReviewDecision.payload.parse(payload) });
            if (refusal !== undefined) throw new DomainError(refusal);
            return command.reply.parse(aReview());
          },
        },
      },
      10,
    );
    const ask = async (decision: Requested, id = randomUUID()) => {
      await followDecision(world)(aDelivery(decision, { app, id }));
      return id;
    };
    const row = (id: string) => rows().findOne({ _id: callKey(app, id) });
    const hurry = () => rows().updateMany({ app, dueAt: { $gt: 0 } }, { $set: { dueAt: 1 } });
    return {
      app,
      backend,
      reviews,
      ask,
      row,
      hurry,
      async [Symbol.asyncDispose]() {
        await due.close();
        await backend[Symbol.asyncDispose]();
      },
    };
  }

  it("ask the backend, signed, and do what it says, once for each question however often it comes", async () => {
    await using test = await setUp();
    const { app, backend, reviews, ask, row } = test;
    const rotated = await rotateSigningSecret(world)(aDelivery({ overlapSeconds: 0, at: Date.now() }, { app }));
    if (rotated.kind !== "reply") throw new Error("no secret");
    backend.says({ verdict: "confirm", by: "bot", note: "seen" });
    const decision = aDecision(`${backend.url}/decide`);
    const id = await ask(decision);
    await eventually(async () => (await row(id))?.state, "answered");
    await ask(decision, id);
    const { note, by, verdict } = reviews[0]?.payload.review ?? {};
    expect({ note, by, verdict }).to.deep.equal({ note: "seen", by: "bot", verdict: "confirm" });
    expect(reviews.map((one) => [one.id, one.payload.decisionId, one.payload.userId])).to.deep.equal([
      [`${id}.review`, decision.decisionId, "eve"],
    ]);
    const [call] = backend.calls;
    const said = new Webhook(rotated.reply.secret).verify(call?.body ?? "", toText(call?.headers ?? {}));
    expect(said).to.deep.include({ type: "moderation.decision_requested" });
    expect(said)
      .to.have.nested.property("data.decision.actions")
      .that.deep.equals([{ type: "mute", seconds: 60 }, { type: "suspend" }]);
    expect(backend.calls).to.have.lengthOf(1);
    expect(call?.headers["webhook-id"]).to.equal(id);
  });

  it("are four of one app at a time, so that others' are made though its backend hangs", async () => {
    await using slow = await setUp();
    slow.backend.hangs();
    for (let n = 0; n < 20; n += 1) await slow.ask(aDecision(slow.backend.url));
    await eventually(() => slow.backend.calls.length, 4);
    await using other = await testBackend();
    const [app, id] = [anAppId(), randomUUID()];
    await followDecision(world)(aDelivery(aDecision(other.url), { app, id }));
    await eventually(async () => (await rows().findOne({ _id: callKey(app, id) }))?.state, "answered");
    expect(slow.backend.calls).to.have.lengthOf(4);
    const waiting = await rows().find({ app: slow.app }).toArray();
    expect(waiting.map(({ attempts }) => attempts)).to.deep.equal(Array.from({ length: 20 }, () => 0));
    // What was not tried has lost nothing by it.
    slow.backend.says({});
    await eventually(() => rows().countDocuments({ app: slow.app, state: "answered" }), 20);
  });

  it("leave a decision to people when the backend says nothing of it", async () => {
    await using test = await setUp();
    const id = await test.ask(aDecision(test.backend.url));
    await eventually(async () => (await test.row(id))?.state, "answered");
    expect(test.reviews).to.deep.equal([]);
    const withoutUrl = await test.ask(aDecision(null));
    expect(await test.row(withoutUrl)).to.equal(null);
  });

  it("are done with when somebody was faster", async () => {
    await using test = await setUp("invalid_operation");
    test.backend.says({ verdict: "dismiss" });
    const id = await test.ask(aDecision(test.backend.url));
    await eventually(async () => (await test.row(id))?.state, "answered");
    expect(test.reviews[0]?.payload.review).to.deep.include({ verdict: "dismiss", by: "webhook", note: null });
  });

  it("are tried again, and no more often, when what the backend says cannot be taken", async () => {
    for (const refusal of ["service_unavailable", "internal_server_error"]) {
      await using test = await setUp(refusal);
      test.backend.says({ verdict: "confirm" });
      const id = await test.ask(aDecision(test.backend.url));
      await eventually(async () => (await test.row(id))?.attempts, 1);
      expect(await test.row(id)).to.include({ state: "waiting", status: 200, error: "its answer could not be taken" });
    }
  });

  it("are tried six times under the same id, each later than the one before, and then given up", async () => {
    await using test = await setUp();
    const { backend, ask, row, hurry } = test;
    backend.answers({ status: 500 });
    const from = Date.now();
    const id = await ask(aDecision(backend.url));
    for (const [index, seconds] of [10, 30, 120, 300, 1_200].entries()) {
      await eventually(async () => (await row(id))?.attempts, index + 1);
      const waiting = await row(id);
      expect(waiting).to.include({ state: "waiting", status: 500, error: "it answered 500" });
      expect(Number(waiting?.dueAt) - from).to.be.within(seconds * 1_000, (seconds + 60) * 1_000);
      await hurry();
    }
    await eventually(async () => (await row(id))?.state, "failed");
    expect(await row(id)).to.include({ attempts: 6, dueAt: null });
    expect(new Set(backend.calls.map(({ headers }) => headers["webhook-id"]))).to.deep.equal(new Set([id]));
    expect(backend.calls).to.have.lengthOf(6);
  });

  it("are given up at once when the backend says that it is gone", async () => {
    await using test = await setUp();
    test.backend.answers({ status: 410 });
    const id = await test.ask(aDecision(test.backend.url));
    await eventually(async () => (await test.row(id))?.state, "failed");
    expect(test.backend.calls).to.have.lengthOf(1);
  });

  it("are made again by another when a process dies over them, and change nothing for who is late", async () => {
    await using test = await setUp();
    // Claimed by a process that is no more: its lease is over.
    const id = await test.ask(aDecision(test.backend.url));
    await eventually(async () => (await test.row(id))?.state, "answered");
    const row = await world.calls.list(test.app, null, 1);
    const [mine] = row ?? [];
    if (!mine) throw new Error("no row");
    await world.calls.moveOn(mine._id, "nobody", { state: "failed", attempts: 9, status: null, error: null, dueAt: 1 });
    expect(await test.row(id)).to.include({ state: "answered", attempts: 1 });
    await rows().updateOne({ _id: mine._id }, { $set: { dueAt: 1, state: "waiting" } });
    await eventually(async () => (await test.row(id))?.attempts, 2);
    expect(test.backend.calls.map(({ headers }) => headers["webhook-id"])).to.deep.equal([id, id]);
  });

  it("go with the user whom they are about", async () => {
    await using test = await setUp();
    test.backend.answers({ status: 500 });
    const [gone, left] = [
      await test.ask(aDecision(test.backend.url)),
      await test.ask(aDecision(test.backend.url, "bob")),
    ];
    await eventually(async () => (await test.row(left))?.attempts, 1);
    const { commands, publisher } = recordingPublisher();
    await forgetUser({ ...world, publisher })(aDelivery({ userId: "eve", at: 7_000 }, { app: test.app }));
    const about = { userId: "eve", at: 7_000, step: "integration" };
    expect(commands.map(({ payload }) => payload)).to.deep.equal([
      { ...about, counts: { webhook_calls: 1 }, isDone: false },
      { ...about, counts: {}, isDone: true },
    ]);
    expect(await test.row(gone)).to.equal(null);
    expect(await world.calls.count(test.app)).to.equal(1);
  });

  it("are not made about a user who was deleted since, however late their event comes, but about who comes after her", async () => {
    await using test = await setUp();
    const { app, backend } = test;
    const decided = { ...aDecision(backend.url), at: 7_000 };
    await forgetUser(world)(aDelivery({ userId: "eve", at: 7_000 }, { app }));
    const late = await test.ask(decided);
    expect(await test.row(late)).to.equal(null);
    const other = await test.ask({ ...decided, userId: "bob" });
    const again = await test.ask({ ...decided, at: 7_001 });
    await eventually(
      async () => [(await test.row(other))?.state, (await test.row(again))?.state],
      ["answered", "answered"],
    );
    expect(backend.calls).to.have.lengthOf(2);
  });

  it("are not left of a user who is deleted while her decision comes", async () => {
    const app = anAppId();
    const calls = {
      ...world.calls,
      async insertMissing(row: CallRow) {
        await forgetUser(world)(aDelivery({ userId: "eve", at: 7_000 }, { app }));
        await world.calls.insertMissing(row);
      },
    };
    const decided = aDelivery({ ...aDecision("http://127.0.0.1:1/"), at: 7_000 }, { app });
    expect(await followDecision({ ...world, calls })(decided)).to.deep.equal({ kind: "ack" });
    expect(await world.calls.count(app)).to.equal(0);
  });
});

const toText = (headers: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

const aReview = () => ({
  decisionId: randomUUID(),
  userId: "eve",
  threshold: 5,
  episode: 1,
  revision: 2,
  score: 6,
  at: 1,
  flags: [],
  state: "acted",
  actions: [],
  review: null,
  version: 1,
});
