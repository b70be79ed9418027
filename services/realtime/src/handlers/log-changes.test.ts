import { ChangeLogged, type MetadataChanged, type PayloadOf } from "@strata/contracts";
import { anAppId, eventually, userIds } from "@strata/testing";
import { expect } from "chai";
import { CONVERSATION_ID } from "../../test/seen.ts";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import type { FindReceivers } from "../receivers.ts";
import type { ChangeStore } from "../store/change-store.ts";
import { logChanges } from "./log-changes.ts";

type Heard = PayloadOf<typeof MetadataChanged>;

const named: FindReceivers = async (_app, told) => told.map(({ to }) => to.users);

describe("logChanges", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let app: string;
  before(async () => {
    stores = await openStores("log-changes");
  });
  after(() => stores[Symbol.asyncDispose]());
  beforeEach(() => {
    app = anAppId();
  });

  /** Each event is told to those whom its conversation's id names. */
  function handling(options: { now?: () => number; findReceivers?: FindReceivers; changes?: ChangeStore } = {}) {
    const recording = recordingPublisher();
    const logged = logChanges({
      changes: options.changes ?? stores.changes,
      findReceivers: options.findReceivers ?? named,
      publisher: recording.publisher,
      ...(options.now ? { now: options.now } : {}),
    });
    const handle = (users: readonly string[]) =>
      logged((payload: Heard) => ({
        change: { kind: "metadata-changed", conversationId: payload.conversationId },
        to: { users },
      }));
    return { ...recording, handle };
  }
  const heard = (id: string) => aDelivery<Heard>({ conversationId: CONVERSATION_ID, at: 1 }, { app, id });
  const logOf = async (userId = "ann") =>
    (await stores.changes.page({ app, userId, from: 0, after: null, limit: 100 })).map(({ id, at }) => ({ id, at }));

  it("keeps the order in which they came, in the log as in what is told, also within one millisecond", async () => {
    const { handle, events } = handling({ now: () => 1_000 });
    const ids = ["z", "b", "y", "a", "x"];
    await Promise.all(ids.map((id) => handle(["ann"])(heard(id))));
    await handle(["ann"])(heard("0"));
    expect((await logOf()).map(({ id }) => id)).to.deep.equal([...ids, "0"]);
    expect(events.map(({ id }) => id)).to.deep.equal([...ids, "0"]);
  });

  it("keeps that order where it takes longer to find out who is to hear of the first", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    const { handle, events } = handling({
      findReceivers: async (_app, told) => {
        asked += 1;
        if (asked === 1) await promise;
        return told.map(({ to }) => to.users);
      },
    });
    const first = handle(["ann"])(heard("b"));
    await eventually(() => asked, 1);
    const second = handle(["ann"])(heard("a"));
    // Where it did not wait, it would be asked about, logged and told by now.
    await handling().handle(["bob"])(heard("other"));
    resolve();
    await Promise.all([first, second]);
    expect(events.map(({ id }) => id)).to.deep.equal(["b", "a"]);
    expect((await logOf()).map(({ id }) => id)).to.deep.equal(["b", "a"]);
  });

  it("keeps that order where the clock is set back", async () => {
    const times = [1_000, 400, 1_001];
    const { handle } = handling({ now: () => times.shift() ?? 0 });
    for (const id of ["c", "b", "a"]) await handle(["ann"])(heard(id));
    expect(await logOf()).to.deep.equal([
      { id: "c", at: 1_000 },
      { id: "b", at: 1_001 },
      { id: "a", at: 1_002 },
    ]);
  });

  it("says nothing before it is logged", async () => {
    const order: string[] = [];
    const changes: ChangeStore = {
      ...stores.changes,
      async append(entries, at) {
        const logged = await stores.changes.append(entries, at);
        order.push(`logged before ${events.length} were told`);
        return logged;
      },
    };
    const { handle, events } = handling({ changes });
    await handle(["ann"])(heard("a"));
    expect(order).to.deep.equal(["logged before 0 were told"]);
    expect(events).to.have.lengthOf(1);
    expect(events[0]).to.deep.include({ type: ChangeLogged.type, app, id: "a" });
  });

  it("tells what comes again under the same id and time, and logs it once", async () => {
    let time = 1_000;
    const { handle, events } = handling({ now: () => (time += 1_000) });
    const delivery = heard("a");
    await handle(["ann"])(delivery);
    await handle(["ann"])(delivery);
    expect(events.map(({ id }) => id)).to.deep.equal(["a", "a"]);
    expect(events[1]?.payload).to.deep.equal(events[0]?.payload);
    expect(await logOf()).to.deep.equal([{ id: "a", at: 2_000 }]);
  });

  it("is tried again where it could not be told, or not be logged, and loses none of those beside it", async () => {
    const { handle, events, failNext } = handling();
    failNext(new Error("the broker is away"));
    // Put down to one of them alone: the group is tried one by one.
    const outcomes = await Promise.allSettled(["a", "b", "c"].map((id) => handle(["ann"])(heard(id))));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["fulfilled", "fulfilled", "fulfilled"]);
    expect(new Set(events.map(({ id }) => id))).to.deep.equal(new Set(["a", "b", "c"]));
    expect((await logOf()).map(({ id }) => id)).to.deep.equal(["a", "b", "c"]);
  });

  it("fails, and logs nothing, where nobody says who is to hear of it", async () => {
    const { handle, events } = handling({
      findReceivers: async () => {
        throw new Error("conversation is away");
      },
    });
    const outcome = await handle(["ann"])(heard("a")).catch(String);
    expect(outcome).to.contain("conversation is away");
    expect(await logOf()).to.deep.equal([]);
    expect(events).to.deep.equal([]);
  });

  it("cuts a long list of receivers into several entries, each told by itself", async () => {
    const { handle, events } = handling();
    const users = userIds(2_001);
    await handle(users)(heard("a"));
    expect(events.map(({ id }) => id)).to.deep.equal(["a", "a.1", "a.2"]);
    const told = events.map(({ payload }) => ChangeLogged.payload.parse(payload).receivers);
    expect(told.map(({ length }) => length)).to.deep.equal([1_000, 1_000, 1]);
    expect(told.flat()).to.deep.equal(users);
    for (const n of [0, 999, 1_000, 2_000]) expect(await logOf(users[n])).to.have.lengthOf(1);
  });

  it("logs and tells nothing that nobody is to hear of", async () => {
    const { handle, events } = handling();
    await handle([])(heard("a"));
    expect(events).to.deep.equal([]);
    expect(await stores.db.collection("changes").countDocuments({ app })).to.equal(0);
  });

  it("asks for the receivers of each app by itself", async () => {
    const asked: (readonly [string, number])[] = [];
    const { handle, events } = handling({
      findReceivers: async (of, told) => {
        asked.push([of, told.length]);
        return told.map(() => [`user of ${of}`]);
      },
    });
    const other = anAppId();
    await Promise.all([handle([])(heard("a")), handle([])({ ...heard("b"), app: other }), handle([])(heard("c"))]);
    expect(asked).to.deep.equal([
      [app, 2],
      [other, 1],
    ]);
    expect(events.map((one) => [one.app, ChangeLogged.payload.parse(one.payload).receivers])).to.deep.equal([
      [app, [`user of ${app}`]],
      [other, [`user of ${other}`]],
      [app, [`user of ${app}`]],
    ]);
  });

  function announcing() {
    const { publisher, events } = recordingPublisher();
    const logged = logChanges({ changes: stores.changes, findReceivers: named, publisher });
    const handle = logged((payload: { announcementId: string; recipients: readonly string[] }) => ({
      change: { kind: "announcement-received", announcementId: payload.announcementId },
      to: { users: payload.recipients },
    }));
    const told = () =>
      events.map(({ payload }) => {
        const { receivers, change } = ChangeLogged.payload.parse(payload);
        return { receivers, of: change.kind === "announcement-received" ? change.announcementId : null };
      });
    const stored = (id: string, announcementId: string, recipients: readonly string[], ofApp = app) =>
      handle(aDelivery({ announcementId, recipients }, { app: ofApp, id }));
    return { stored, told };
  }
  const changesOf = async (userId: string) =>
    (await stores.changes.page({ app, userId, from: 0, after: null, limit: 100 })).map(({ change }) => change);

  describe("batches of an announcement", () => {
    const ONE = "4f1f8f5c-60a3-4cd4-8b4b-6d9f3f7f0001";
    const OTHER = "4f1f8f5c-60a3-4cd4-8b4b-6d9f3f7f0002";
    it("that come together are one change of more receivers, of each announcement and app its own", async () => {
      const { stored, told } = announcing();
      const elsewhere = anAppId();
      await Promise.all([
        stored("a", ONE, ["ann"]),
        stored("b", ONE, ["bob", "cid"]),
        stored("c", OTHER, ["ann"]),
        stored("d", ONE, ["dan"]),
        stored("e", ONE, ["ann"], elsewhere),
      ]);
      expect(told()).to.deep.equal([
        { of: ONE, receivers: ["ann", "bob", "cid"] },
        { of: OTHER, receivers: ["ann"] },
        { of: ONE, receivers: ["dan"] },
        { of: ONE, receivers: ["ann"] },
      ]);
      expect(await changesOf("bob")).to.deep.equal([{ kind: "announcement-received", announcementId: ONE }]);
    });

    it("are in the log for everybody, however they are put together when they come again", async () => {
      await Promise.all([announcing()].flatMap(({ stored }) => [stored("a", ONE, ["ann"]), stored("b", ONE, ["bob"])]));
      await Promise.all([announcing()].flatMap(({ stored }) => [stored("a", ONE, ["ann"]), stored("c", ONE, ["cid"])]));
      for (const userId of ["ann", "bob", "cid"]) expect(await changesOf(userId)).to.not.deep.equal([], userId);
    });

    it("are logged in documents of at most 1,000 receivers", async () => {
      const { stored, told } = announcing();
      const all = userIds(1_400);
      await Promise.all([stored("a", ONE, all.slice(0, 700)), stored("b", ONE, all.slice(700))]);
      expect(told().map(({ receivers }) => receivers.length)).to.deep.equal([1_000, 400]);
      expect(told().flatMap(({ receivers }) => receivers)).to.deep.equal(all);
    });
  });
});
