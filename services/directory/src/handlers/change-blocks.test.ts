import { type BlocksChange, MAX_BLOCKS, UsersKnown } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher } from "../../test/support.ts";
import { findBlockers, listBlocks } from "./blocks.ts";
import { changeBlocks } from "./change-blocks.ts";

const ann = aUserId(1);
const block = (userId: string): BlocksChange => ({ kind: "block", userId });
const aChange = (app: string, changes: BlocksChange[], { userId = ann, makeKnown = true } = {}) =>
  aDelivery({ userId, changes, makeKnown, at: Date.now() }, { app });

describe("changeBlocks, listBlocks and findBlockers", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("change-blocks");
  });
  after(() => stores[Symbol.asyncDispose]());

  const change = async (app: string, changes: BlocksChange[], options?: { userId?: string; makeKnown?: boolean }) => {
    const { events, publisher } = recordingPublisher();
    const outcome = await changeBlocks({ ...stores, publisher })(aChange(app, changes, options));
    return { outcome, events: events.filter(({ type }) => type !== UsersKnown.type) };
  };
  const blockedBy = async (app: string, userId = ann) => {
    const outcome = await listBlocks(stores)(aDelivery({ userId }, { app }));
    return outcome.kind === "reply" ? outcome.reply.blocked : outcome;
  };
  const blockers = async (app: string, checks: { senderId: string; userIds: string[] }[]) => {
    const outcome = await findBlockers(stores)(aDelivery({ checks }, { app }));
    return outcome.kind === "reply" ? outcome.reply.blockers : outcome;
  };

  it("lists whom a user blocks in the order in which she did, and tells of each version of her list", async () => {
    const app = anAppId();
    const first = await change(app, [block("zoe"), block("bob"), block("zoe")]);
    const second = await change(app, [block("ann"), { kind: "unblock", userId: "bob" }]);
    expect(await blockedBy(app)).to.deep.equal(["zoe", "ann"]);
    const third = await change(app, [{ kind: "set", userIds: ["c", "b"] }]);
    expect(await blockedBy(app)).to.deep.equal(["c", "b"]);
    expect([first, second, third].map(({ outcome }) => outcome.kind)).to.deep.equal(["ack", "ack", "ack"]);
    const told = [first, second, third].flatMap(({ events }) => events);
    expect(told.map(({ type, payload, subjectVersion }) => [type, payload, subjectVersion])).to.deep.equal(
      [1, 2, 3].map((version) => ["directory.blocks.changed.v1", { userId: ann, version }, version]),
    );
    expect(await blockedBy(anAppId())).to.deep.equal([]);
  });

  it("tells nobody of what was so already", async () => {
    const app = anAppId();
    await change(app, [block("bob")]);
    const again = await change(app, [block("bob"), { kind: "unblock", userId: "cid" }]);
    expect(again.outcome).to.deep.equal({ kind: "ack" });
    expect(again.events).to.deep.equal([]);
  });

  it("publishes on redelivery what could not be published before, and the same however often it comes", async () => {
    const app = anAppId();
    await stores.identities.makeKnown(app, [ann], 1);
    const delivery = aChange(app, [block("bob")]);
    const { outcome, events } = await afterFailedPublish(stores, changeBlocks, delivery);
    expect(outcome).to.deep.equal({ kind: "ack" });
    const { events: again, publisher } = recordingPublisher();
    await changeBlocks({ ...stores, publisher })(delivery);
    expect(again).to.deep.equal(events);
    expect(events[0]).to.have.deep.property("payload", { userId: ann, version: 1 });
  });

  it("refuses a user who is not known, or makes her known where that is asked", async () => {
    const app = anAppId();
    const refused = await change(app, [block("bob")], { makeKnown: false });
    expect(refused.outcome).to.have.nested.property("error.code", "not_found");
    expect(refused.events).to.deep.equal([]);
    expect(await stores.identities.findUnknown(app, [ann])).to.deep.equal([ann]);
    expect((await change(app, [block("bob")])).outcome).to.deep.equal({ kind: "ack" });
    expect(await stores.identities.findUnknown(app, [ann])).to.deep.equal([]);
    const known = await change(app, [block("cid")], { makeKnown: false });
    expect(known.outcome).to.deep.equal({ kind: "ack" });
  });

  it("keeps a list of the greatest length and refuses one more", async () => {
    const app = anAppId();
    await change(app, [{ kind: "set", userIds: userIds(MAX_BLOCKS) }]);
    const refused = await change(app, [block("one more")]);
    expect(refused.outcome).to.deep.nested.include({
      "error.code": "invalid_property",
      "error.details": { property: "blocks" },
    });
    expect(await blockedBy(app)).to.have.lengthOf(MAX_BLOCKS);
  });

  it("names who blocks each of many senders, and nobody who blocks another or in another app", async () => {
    const app = anAppId();
    await change(app, [block("eve"), block("bob")], { userId: "ann" });
    await change(app, [block("eve"), block("cid")], { userId: "cid" });
    await change(anAppId(), [block("eve")], { userId: "bob" });
    const checks = [
      { senderId: "eve", userIds: ["bob", "cid", "ann"] },
      { senderId: "bob", userIds: ["ann", "cid"] },
      { senderId: "cid", userIds: ["cid", "ann"] },
      { senderId: "$ann", userIds: [] },
    ];
    expect(await blockers(app, checks)).to.deep.equal([["cid", "ann"], ["ann"], [], []]);
    expect(await blockers(app, [])).to.deep.equal([]);
  });

  it("answers many questions about many users", async () => {
    const app = anAppId();
    const users = userIds(1_000);
    await change(app, [block("sender-7")], { userId: aUserId(1_000) });
    const checks = Array.from({ length: 20 }, (_, n) => ({
      senderId: `sender-${n}`,
      userIds: users.map((userId) => (n === 7 ? userId : `${n}-${userId}`)),
    }));
    const expected = checks.map(({ senderId }) => (senderId === "sender-7" ? [aUserId(1_000)] : []));
    expect(await blockers(app, checks)).to.deep.equal(expected);
  });
});
