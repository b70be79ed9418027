import { randomUUID } from "node:crypto";
import { DEFAULT_MODERATION_POLICY, SIMULATED_AT_ONCE } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { flagKey, type FlagRow } from "../domain/flag.ts";
import { listModerationQueue, simulateModeration } from "./get-moderation.ts";

const standing = { score: 1, openFlags: 1, pendingDecisions: 0, oldestAt: 1, newestFlagAt: 1_000 };
const userNo = (n: number): string => `user-${String(n).padStart(4, "0")}`;

describe("listModerationQueue and simulateModeration", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("get-moderation");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("lists everybody who waits once, page by page, also those of the same score and age", async () => {
    const app = anAppId();
    for (let n = 0; n < 7; n += 1) {
      await stores.moderatedUsers.put(app, userNo(n), { ...standing, score: n >> 2, oldestAt: n >> 1 });
    }
    await stores.moderatedUsers.put(app, "settled", { ...standing, openFlags: 0 });
    await stores.moderatedUsers.put(app, "asked", {
      ...standing,
      score: 0,
      openFlags: 0,
      pendingDecisions: 1,
      oldestAt: 9,
    });
    await stores.moderatedUsers.put(anAppId(), "another's", standing);
    for (const [order, expected] of [
      ["score", [4, 5, 6].map(userNo).concat("asked", [0, 1, 2, 3].map(userNo))],
      ["oldest", [0, 1, 2, 3, 4, 5, 6].map(userNo).concat("asked")],
    ] as const) {
      const pages: string[] = [];
      for (let after: string | null = null; ; after = pages.at(-1) ?? null) {
        const outcome = await listModerationQueue(stores)(aDelivery({ order, after, limit: 3 }, { app }));
        if (outcome.kind !== "reply" || outcome.reply.users === null) throw new Error("no page");
        expect(outcome.reply.total).to.equal(8);
        if (outcome.reply.users.length === 0) break;
        pages.push(...outcome.reply.users.map(({ userId }) => userId));
      }
      expect(pages).to.deep.equal(expected);
    }
    const outcome = await listModerationQueue(stores)(
      aDelivery({ order: "score" as const, after: "settled", limit: 3 }, { app }),
    );
    expect(outcome).to.have.deep.property("reply", { users: null, total: 8 });
  });

  it("goes through all who were flagged since then, some at a time, and changes nothing", async () => {
    const app = anAppId();
    const [users, flags] = [SIMULATED_AT_ONCE + 5, 3];
    const rows: FlagRow[] = [];
    for (let n = 0; n < users; n += 1) {
      await stores.moderatedUsers.put(app, userNo(n), { ...standing, newestFlagAt: n === 0 ? 500 : 1_000 });
      for (let by = 0; by < flags; by += 1) rows.push(aFlag(app, userNo(n), `flagger-${by}`, n === 0 ? 500 : 998 + by));
    }
    await stores.db.collection<FlagRow>("flags").insertMany(rows);
    const policy = {
      ...DEFAULT_MODERATION_POLICY,
      thresholds: [{ score: 2, actions: [{ kind: "suspend" as const }] }],
    };
    const { events, commands, publisher } = recordingPublisher();
    const simulate = async (after: string | null) => {
      const question = { policy, since: 998, after, at: 2_000 };
      const outcome = await simulateModeration({ ...stores, publisher })(aDelivery(question, { app }));
      if (outcome.kind !== "reply") throw new Error("no answer");
      return outcome.reply;
    };
    const first = await simulate(null);
    expect([first.lookedAt, first.next]).to.deep.equal([SIMULATED_AT_ONCE - 1, userNo(SIMULATED_AT_ONCE - 1)]);
    const second = await simulate(first.next);
    expect([second.lookedAt, second.next]).to.deep.equal([5, null]);
    const acted = [...first.users, ...second.users];
    expect(acted.map(({ userId }) => userId)).to.deep.equal(Array.from({ length: users - 1 }, (_, n) => userNo(n + 1)));
    const expected = [{ threshold: 2, score: 2, at: 999, actions: [{ kind: "suspend" }] }];
    for (const { decisions } of acted) expect(decisions).to.deep.equal(expected);
    expect([events, commands]).to.deep.equal([[], []]);
    expect(await stores.db.collection("moderation_decisions").countDocuments({ app })).to.equal(0);
  });
});

function aFlag(app: string, userId: string, by: string, at: number): FlagRow {
  const subject = { userId, by, messageId: null };
  return {
    ...subject,
    _id: flagKey(app, subject),
    app,
    flagId: randomUUID(),
    conversationId: null,
    reason: "spam",
    comment: null,
    state: "open",
    createdAt: at,
    changedAt: at,
    version: 1,
    madeBy: "test",
    changedBy: "test",
  };
}
