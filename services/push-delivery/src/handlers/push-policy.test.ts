import {
  type CategoryPolicy,
  DEFAULT_PUSH_POLICY,
  NO_PREFERENCES,
  type PushPolicy,
  RecordAct,
} from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { pushPolicies } from "../push-policies.ts";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { changePushPreferences } from "./change-push-preferences.ts";
import { forgetUser } from "./forget-user.ts";
import { getPushPolicy } from "./get-push-policy.ts";
import { getPushPreferences } from "./get-push-preferences.ts";
import { noteSuspension } from "./note-suspension.ts";
import { setPushPolicy } from "./set-push-policy.ts";

type Stores = Awaited<ReturnType<typeof openStores>>;
type Changes = Parameters<ReturnType<typeof changePushPreferences>>[0]["payload"]["changes"];

const many = (from: number, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`category ${from + n}`, false]));

const policyWith = (changes: Partial<PushPolicy>): PushPolicy => ({ ...DEFAULT_PUSH_POLICY, ...changes });

describe("a push policy", () => {
  let stores: Stores;
  before(async () => {
    stores = await openStores("push-policy");
  });
  after(() => stores[Symbol.asyncDispose]());

  const { commands, publisher } = recordingPublisher();
  const set = (app: string, policy: PushPolicy, at: number, id = "command") =>
    setPushPolicy({ ...stores, publisher, pushPolicies: pushPolicies(stores.policies) })(
      aDelivery({ policy, at }, { app, id }),
    );
  const get = async (app: string) => getPushPolicy(stores)(aDelivery({}, { app }));

  it("is that of everybody until one is set", async () => {
    expect(await get(anAppId())).to.deep.equal({ kind: "reply", reply: { policy: DEFAULT_PUSH_POLICY } });
  });

  it("has each setting written down with what was there before, the same however often it comes", async () => {
    const app = anAppId();
    commands.length = 0;
    const one = { ...DEFAULT_PUSH_POLICY, categories: { $offers: { delaySeconds: 5 } } };
    await set(app, one, 1, "a");
    for (const id of ["b", "b"]) await set(app, DEFAULT_PUSH_POLICY, 2, id);
    await set(app, one, 1, "late");
    const acts = commands.map(({ payload }) => RecordAct.payload.parse(payload));
    expect(
      acts.map(({ entryId, before, after }) => [entryId, before?.["categories"], after?.["categories"]]),
    ).to.deep.equal([
      ["a", undefined, ["$offers"]],
      ["b", ["$offers"], []],
      ["b", ["$offers"], []],
    ]);
  });

  it("is kept as it was set, whatever its categories are called", async () => {
    const app = anAppId();
    const named: Record<string, CategoryPolicy> = {
      "$where.a": { choice: "off", cap: { pushes: 2, hours: 24 } },
      constructor: { delaySeconds: 5 },
    };
    const policy = policyWith({ quietHours: { from: "22:00", to: "07:00" }, categories: named });
    expect(await set(app, policy, 1_000)).to.deep.equal({ kind: "reply", reply: policy });
    expect(await get(app)).to.deep.equal({ kind: "reply", reply: { policy } });
  });

  it("stays when an older command comes late, and is told of so", async () => {
    const app = anAppId();
    const [older, newer] = [policyWith({ cap: { pushes: 1, hours: 1 } }), policyWith({ cap: { pushes: 2, hours: 1 } })];
    await set(app, newer, 2_000);
    expect(await set(app, older, 1_000)).to.deep.equal({ kind: "reply", reply: newer });
    expect(await get(app)).to.deep.equal({ kind: "reply", reply: { policy: newer } });
  });

  it("is refused with a time zone that is none, and nothing changes", async () => {
    const app = anAppId();
    const refused = await set(app, policyWith({ fallbackTimeZone: "Middle/Earth" }), 1_000);
    expect(refused).to.have.nested.property("error.code", "invalid_property");
    expect(refused).to.have.nested.property("error.details.property", "fallback_time_zone");
    expect(await get(app)).to.deep.equal({ kind: "reply", reply: { policy: DEFAULT_PUSH_POLICY } });
  });

  it("is read once for all who ask meanwhile, and again once it was forgotten", async () => {
    const app = anAppId();
    let reads = 0;
    const policies = pushPolicies({
      find: async (asked) => {
        reads += 1;
        return stores.policies.find(asked);
      },
    });
    expect(await Promise.all([policies.of(app), policies.of(app)])).to.deep.equal([
      DEFAULT_PUSH_POLICY,
      DEFAULT_PUSH_POLICY,
    ]);
    expect(reads).to.equal(1);
    const policy = policyWith({ cap: { pushes: 1, hours: 1 } });
    await set(app, policy, 1_000);
    policies.forget(app);
    expect(await policies.of(app)).to.deep.equal(policy);
  });
});

describe("a user's preferences", () => {
  let stores: Stores;
  before(async () => {
    stores = await openStores("push-preferences");
  });
  after(() => stores[Symbol.asyncDispose]());

  const change = (app: string, changes: Changes, at: number, id = "command") =>
    changePushPreferences(stores)(aDelivery({ userId: "a/nn", changes, at }, { app, id }));
  const get = async (app: string, userId = "a/nn") => {
    const answer = await getPushPreferences(stores)(aDelivery({ userId }, { app }));
    return answer.kind === "reply" ? answer.reply.preferences : answer;
  };
  const isSuspended = async (app: string) => (await stores.preferences.find(app, ["a/nn"])).get("a/nn")?.isSuspended;
  const suspension = (app: string, isNow: boolean, version: number, at = 1_000) =>
    noteSuspension(stores)(aDelivery({ userId: "a/nn", isSuspended: isNow, version, at }, { app }));
  const forget = (app: string, at: number) =>
    forgetUser({ ...stores, publisher: recordingPublisher().publisher })(aDelivery({ userId: "a/nn", at }, { app }));

  it("keep what a change leaves out, and lose a category with null", async () => {
    const app = anAppId();
    await change(app, { categories: { "a.b": false, $c: true }, timeZone: "Europe/Berlin" }, 1_000);
    await change(app, { categories: { $c: null, d: true }, mutedUntil: 5_000 }, 2_000);
    expect(await get(app)).to.deep.equal({
      categories: { "a.b": false, d: true },
      quietHours: null,
      timeZone: "Europe/Berlin",
      mutedUntil: 5_000,
    });
    expect(await get(app, "bob")).to.deep.equal(NO_PREFERENCES);
    expect(await get(anAppId())).to.deep.equal(NO_PREFERENCES);
  });

  it("stay when an older change comes late or the same comes again", async () => {
    const app = anAppId();
    await change(app, { mutedUntil: 5_000 }, 1_000, "b");
    for (const [at, id] of [
      [1_000, "b"],
      [1_000, "a"],
      [999, "c"],
    ] as const) {
      const answer = await change(app, { mutedUntil: null, categories: { x: false } }, at, id);
      expect(answer).to.have.nested.property("reply.mutedUntil", 5_000);
    }
    expect(await get(app)).to.deep.equal({ ...NO_PREFERENCES, mutedUntil: 5_000 });
  });

  it("are refused with what is no time zone, and beyond so many categories", async () => {
    const app = anAppId();
    expect(await change(app, { timeZone: "Middle/Earth" }, 1_000)).to.have.nested.property(
      "error.details.property",
      "time_zone",
    );
    expect(await change(app, { categories: many(0, 100) }, 2_000)).to.have.property("kind", "reply");
    expect(await change(app, { categories: many(100, 1) }, 3_000)).to.have.nested.property(
      "error.details.property",
      "categories",
    );
    expect(await get(app)).to.deep.equal({ ...NO_PREFERENCES, categories: many(0, 100) });
  });

  it("know a suspension by its version, whatever comes first", async () => {
    const app = anAppId();
    await suspension(app, false, 7);
    await suspension(app, true, 6);
    expect(await isSuspended(app)).to.equal(false);
    await suspension(app, true, 8);
    await change(app, { mutedUntil: 5_000 }, 1_000);
    await suspension(app, true, 8);
    expect(await isSuspended(app)).to.equal(true);
    expect(await get(app)).to.deep.equal({ ...NO_PREFERENCES, mutedUntil: 5_000 });
  });

  it("outlive a forgetting of before, which comes late, and a suspension does so, too", async () => {
    const app = anAppId();
    await forget(app, 1_900);
    await suspension(app, true, 3, 3_000);
    expect(await stores.db.collection("preferences").countDocuments({ app, removedAt: { $exists: true } })).to.equal(0);
    await forget(app, 2_000);
    expect(await isSuspended(app)).to.equal(true);
    expect(await stores.db.collection("preferences").countDocuments({ app, removedAt: { $exists: true } })).to.equal(0);
    await forget(app, 1_000);
    await change(app, { mutedUntil: 5_000 }, 1_500);
    expect(await get(app)).to.deep.equal(NO_PREFERENCES);
  });

  it("are by one rule those of one of two changes of the same moment, and each user's own where many are asked for at once", async () => {
    const app = anAppId();
    await change(app, { mutedUntil: 5_000 }, 1_000, "a");
    await change(app, { mutedUntil: 6_000 }, 1_000, "b");
    expect(await get(app)).to.include({ mutedUntil: 6_000 });
    const bobs = aDelivery({ userId: "bob", changes: { mutedUntil: 7_000 }, at: 1_000 }, { app });
    await changePushPreferences(stores)(bobs);
    const found = await Promise.all(["a/nn", "bob", "carl", "bob"].map((one) => stores.preferences.find(app, [one])));
    expect(found.map((wishes) => Array.from(wishes.keys()))).to.deep.equal([["a/nn"], ["bob"], [], ["bob"]]);
  });

  it("are those of the newest change, however many are under way at once", async () => {
    const app = anAppId();
    const users = Array.from({ length: 20 }, (_, n) => `user-${n}`);
    const times = [3, 1, 5, 2, 4];
    const changes = users.flatMap((userId) =>
      times.map((at) => aDelivery({ userId, changes: { mutedUntil: at * 1_000 }, at }, { app, id: `c${at}` })),
    );
    const notAt = async (mutedUntil: number) => {
      const found = await stores.preferences.find(app, users);
      return users.filter((userId) => found.get(userId)?.preferences.mutedUntil !== mutedUntil);
    };
    await Promise.all(changes.map((command) => changePushPreferences(stores)(command)));
    expect(await notAt(5_000)).to.deep.equal([]);
    // And once there are rows.
    await Promise.all(
      users.flatMap((userId) =>
        [8, 6, 7].map((at) =>
          changePushPreferences(stores)(aDelivery({ userId, changes: { mutedUntil: at * 1_000 }, at }, { app })),
        ),
      ),
    );
    expect(await notAt(8_000)).to.deep.equal([]);
  });

  it("do not come back by a change that is under way while she is forgotten", async () => {
    const app = anAppId();
    const users = Array.from({ length: 60 }, (_, n) => `user-${n}`);
    await Promise.all(
      users.flatMap((userId) => [
        changePushPreferences(stores)(aDelivery({ userId, changes: { mutedUntil: 5_000 }, at: 1_000 }, { app })),
        forgetUser({ ...stores, publisher: recordingPublisher().publisher })(aDelivery({ userId, at: 2_000 }, { app })),
      ]),
    );
    const found = await stores.preferences.find(app, users);
    expect([...found.values()].filter(({ preferences }) => preferences.mutedUntil !== null)).to.deep.equal([]);
  });

  it("go with a user who is forgotten, and nothing from before brings them back", async () => {
    const app = anAppId();
    await change(app, { mutedUntil: 5_000 }, 1_000);
    await suspension(app, true, 3, 1_000);
    await forget(app, 2_000);
    await change(app, { mutedUntil: 6_000 }, 1_500);
    await suspension(app, true, 4, 2_000);
    expect(await get(app)).to.deep.equal(NO_PREFERENCES);
    expect(await isSuspended(app)).to.equal(false);
    expect(await stores.db.collection("preferences").countDocuments({ app, removedAt: { $exists: true } })).to.equal(1);
    // She came back.
    await change(app, { mutedUntil: 7_000 }, 3_000);
    expect(await stores.db.collection("preferences").countDocuments({ app, removedAt: { $exists: true } })).to.equal(0);
    await forget(app, 2_000);
    expect(await get(app)).to.deep.equal({ ...NO_PREFERENCES, mutedUntil: 7_000 });
    expect(await stores.db.collection("preferences").countDocuments({ app, removedAt: { $exists: true } })).to.equal(0);
  });
});
