import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { aConversation, insertMessages, openStores } from "../../test/support.ts";

const Profiled = z.array(
  z.object({
    command: z.record(z.string(), z.unknown()),
    planSummary: z.string().optional(),
    docsExamined: z.number().default(0),
    keysExamined: z.number().default(0),
    hasSortStage: z.boolean().default(false),
    nreturned: z.number().default(0),
  }),
);

describe("what this service asks of its collections", () => {
  const app = anAppId();
  const ann = aUserId();
  let stores: Awaited<ReturnType<typeof openStores>>;
  before("many conversations of one user, and as many of others", async () => {
    stores = await openStores("conversation-indexes");
    for (let n = 0; n < 60; n += 1) {
      const people = [n % 2 === 0 ? ann : aUserId(n + 100), aUserId(n + 200)];
      const row = await aConversation(stores, app, people, {
        createdAt: 1_000 + n,
        distinct: true,
        distinctKey: `${n}`,
      });
      if (n >= 50) await stores.conversations.delete(row, { by: "deletion", at: 2_000 });
      if (n >= 50) await stores.memberships.markDeleted(app, row.conversationId);
    }
    await stores.db.collection("conversations").updateOne({ app }, { $set: { stepDueAt: 9_000 } });
  });
  after(() => stores[Symbol.asyncDispose]());

  /** The database's own record of how it did what was asked meanwhile. */
  const profiled = async (work: () => Promise<unknown>) => {
    await stores.db.command({ profile: 2 });
    try {
      await work();
    } finally {
      await stores.db.command({ profile: 0 });
    }
    const namespaces = ["conversations", "memberships", "messages", "bans"].map(
      (name) => `${stores.db.databaseName}.${name}`,
    );
    const found = await stores.db
      .collection("system.profile")
      .find({ ns: { $in: namespaces } })
      .toArray();
    await stores.db.collection("system.profile").drop();
    return Profiled.parse(found);
  };
  const onlyQuery = async (work: () => Promise<unknown>) => {
    const [query, ...others] = await profiled(work);
    expect(others).to.deep.equal([]);
    if (!query) throw new Error("nothing was asked");
    return query;
  };

  for (const order of ["created_at", "last_message"] as const) {
    it(`reads a page by ${order} from its index alone, as many rows as the page has, and sorts nothing`, async () => {
      const [, , third = null] = await stores.memberships.listPage(app, ann, order, null, 3);
      for (const after of [null, third]) {
        const query = await onlyQuery(() => stores.memberships.listPage(app, ann, order, after, 5));
        const field = order === "created_at" ? "createdAt" : "sortAt";
        expect(query.planSummary).to.equal(
          `IXSCAN { app: 1, user: 1, isDeleted: 1, isHidden: 1, ${field}: -1, conversation: -1 }`,
        );
        expect(query).to.include({ hasSortStage: false, nreturned: 5 });
        // Behind a row, that row itself is the first to be passed over.
        expect(query.docsExamined).to.be.at.most(after === null ? 5 : 6);
        expect(query.keysExamined).to.be.at.most(after === null ? 5 : 6);
      }
    });
  }

  it("counts a list in its index, without reading a row", async () => {
    const query = await onlyQuery(async () => expect(await stores.memberships.countListed(app, ann)).to.equal(25));
    expect(query.planSummary).to.match(/^(IXSCAN|COUNT_SCAN) /);
    expect(query.docsExamined).to.equal(0);
  });

  it("looks everything else up by an index too, and reads no row that it does not want", async () => {
    const [first = null] = await stores.memberships.listPage(app, ann, "created_at", null, 1);
    if (!first) throw new Error("no conversation");
    const row = await stores.conversations.find(app, first.conversation);
    if (!row) throw new Error("no conversation");
    await insertMessages(stores.db, row, 5, [ann, aUserId(2)]);
    const queries = await profiled(async () => {
      await stores.conversations.find(app, first.conversation);
      await stores.conversations.findMany([row._id]);
      await stores.conversations.insertOrFind({ ...row, _id: `${app}/other` });
      await stores.conversations.advance([{ ...row, position: 1, at: 3_000 }]);
      await stores.conversations.claimPurge(1_000);
      await stores.conversations.claimStep(5_000, 1_000);
      await stores.memberships.find(app, ann, first.conversation);
      await stores.memberships.findOfUsers(app, first.conversation, [ann, aUserId(2)]);
      await stores.memberships.raise([{ ...row, userIds: [ann], position: 3, at: 3_000 }]);
      await stores.memberships.open(app, first.conversation, 9_000);
      await stores.memberships.dismiss(app, first.conversation, [ann], 1);
      await stores.memberships.clear(app, ann, first.conversation, { position: 1, by: "x" });
      await stores.memberships.conversationsOf(app, ann, null, 10);
      await stores.memberships.markDeleted(app, first.conversation);
      await stores.memberships.purge(app, first.conversation, 10);
      await stores.conversationMessages.dropUnread(app, ann, first.conversation, 3);
      await stores.conversationMessages.emptyUnread(app, first.conversation, 5);
      await stores.conversationMessages.purge(app, first.conversation, 5);
      await stores.bans.findBanned(app, first.conversation, [ann, aUserId(2)], 1);
      await stores.bans.find(app, first.conversation, ann, 1);
      await stores.bans.forget(app, first.conversation, ann, 1);
      await stores.bans.conversationsOf(app, ann, null, 10);
      await stores.bans.listPage(app, first.conversation, { after: ann, limit: 10, now: 1 });
      await stores.bans.count(app, first.conversation, 1);
      await stores.bans.purge(app, first.conversation, 10);
    });
    const plans = queries.flatMap(({ planSummary, docsExamined, hasSortStage }) =>
      planSummary === undefined ? [] : [{ planSummary, docsExamined, hasSortStage }],
    );
    expect(plans).to.have.length.of.at.least(25);
    for (const { planSummary, docsExamined, hasSortStage } of plans) {
      expect(planSummary).to.match(/^(IDHACK|IXSCAN )/);
      expect(docsExamined, planSummary).to.be.at.most(10);
      expect(hasSortStage, planSummary).to.equal(false);
    }
  });
});
