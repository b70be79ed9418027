import type { BadgeCounting } from "@strata/contracts";
import { anAnnouncementId, anAppId, type Infra, openInfra, userIds as someUsers } from "@strata/testing";
import { expect } from "chai";
import { aDelivery } from "../../test/support.ts";
import { inboxesPeer, openUnread } from "../../test/unread.ts";
import { FRESH_MS, unreadOf } from "../unread.ts";
import { findBadges } from "./find-badges.ts";
import { countBatches, countReceipts } from "./follow-unread.ts";

describe("findBadges", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openUnread>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-badges");
    stores = await openUnread(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  function setUp(count = 3) {
    const app = anAppId();
    const users = [...someUsers(count)];
    const inboxes = inboxesPeer();
    const deps = { ...stores, inboxes };
    const announce = (recipients = users, at = Date.now()) => {
      const announcementId = anAnnouncementId();
      for (const userId of recipients) inboxes.put(userId, { announcementId, at });
      return { announcementId, at };
    };
    const stored = ({ announcementId, at }: { announcementId: string; at: number }) =>
      countBatches(deps)([
        aDelivery(
          { announcementId, batchId: "b", partition: 0, at, recipients: users, hasNotification: true },
          { app },
        ),
      ]);
    const read = async (announcementId: string, userId: string) => {
      await stores.read(app, announcementId, userId);
      await countReceipts(deps)(aDelivery({ announcementId, receipts: [{ userId, kind: "read", at: 1 }] }, { app }));
    };
    const keep = () => Promise.all(users.map((userId) => unreadOf(deps, { app, userId })));
    const badges = async (announcement?: { announcementId: string; at: number }) => {
      const outcome = await findBadges(deps)(
        aDelivery({ userIds: users, ...(announcement && { announcement }) }, { app }),
      );
      if (outcome.kind !== "reply") throw new Error(outcome.kind);
      const found = new Map(outcome.reply.badges.map(({ userId, badge }) => [userId, badge]));
      return users.map((userId) => found.get(userId) ?? null);
    };
    return { app, users, inboxes, announce, stored, read, keep, badges };
  }

  it("are the unread count, kept or not, with what the app itself counts", async () => {
    const { users, inboxes, announce, read, keep, badges } = setUp();
    const first = announce();
    announce();
    expect(await badges()).to.deep.equal([2, 2, 2]);
    const asked = inboxes.asked;
    await keep();
    await read(first.announcementId, users[1] ?? "");
    inboxes.unread.set(users[0] ?? "", { messages: 5, conversations: 2 });
    inboxes.facts.external.push({ userId: users[2] ?? "", count: 4 });
    expect(await badges()).to.deep.equal([7, 1, 6]);
    expect(inboxes.asked, "nobody is counted anew").to.equal(asked);
  });

  it("count what its recipients are being told of once, before and after its event, and not where it is read", async () => {
    const { users, announce, stored, read, keep, badges } = setUp();
    await keep();
    const told = announce();
    expect(await badges()).to.deep.equal([0, 0, 0]);
    expect(await badges(told)).to.deep.equal([1, 1, 1]);
    await stored(told);
    expect(await badges(told)).to.deep.equal([1, 1, 1]);
    await read(told.announcementId, users[0] ?? "");
    expect(await badges(told)).to.deep.equal([0, 1, 1]);
  });

  it("do not add one for what is too old for a count to remember who has read it", async () => {
    const { announce, badges, keep } = setUp();
    const told = announce(undefined, Date.now() - FRESH_MS - 1_000);
    await keep();
    expect(await badges(told)).to.deep.equal([1, 1, 1]);
    const foreign = { announcementId: anAnnouncementId(), at: told.at };
    expect(await badges(foreign)).to.deep.equal([1, 1, 1]);
  });

  const ways: readonly [BadgeCounting, boolean, number | null][] = [
    ["messages", true, 13],
    ["messages", false, 12],
    ["conversations", true, 7],
    ["conversations", false, 6],
    ["external", true, 5],
    ["external", false, 4],
    ["off", true, null],
  ];
  for (const [counting, withAnnouncements, expected] of ways) {
    it(`count ${counting} ${withAnnouncements ? "and" : "without"} announcements as the app has it`, async () => {
      const { users, inboxes, announce, badges } = setUp(1);
      announce();
      const [userId = ""] = users;
      inboxes.unread.set(userId, { messages: 8, conversations: 2 });
      inboxes.facts = { counting, withAnnouncements, external: [{ userId, count: 4 }] };
      expect(await badges()).to.deep.equal([expected]);
      if (!withAnnouncements) expect(inboxes.asked).to.equal(0);
    });
  }

  it("are right of all of many whose count is not kept, who are counted together and not kept", async () => {
    const { app, users, inboxes, announce, read, badges } = setUp(45);
    const first = announce();
    announce(users.slice(0, 40));
    await stores.read(app, first.announcementId, users[3] ?? "");
    inboxes.unread.set(users[44] ?? "", { messages: 5, conversations: 2 });
    const expected = users.map((_, n) => (n === 3 ? 1 : n === 44 ? 6 : n < 40 ? 2 : 1));
    for (const _ of [1, 2]) expect(await badges()).to.deep.equal(expected);
    expect([inboxes.askedTogether, inboxes.asked]).to.deep.equal([[45, 45], 0]);
    // Of those whose count is kept it is asked no more.
    await unreadOf({ ...stores, inboxes }, { app, userId: users[0] ?? "" });
    await read(first.announcementId, users[0] ?? "");
    expect(await badges()).to.deep.equal(expected.with(0, 1));
    expect([inboxes.askedTogether, inboxes.asked]).to.deep.equal([[45, 45, 44], 1]);
  });

  it("of up to 20 whose count is not kept are counted one by one, and kept for the next push", async () => {
    const { inboxes, announce, badges } = setUp(20);
    announce();
    for (const _ of [1, 2]) expect(await badges()).to.deep.equal(Array.from({ length: 20 }, () => 1));
    expect([inboxes.askedTogether, inboxes.asked]).to.deep.equal([[], 20]);
  });

  it("of one more are counted together, each once, though somebody is named twice", async () => {
    const { app, users, inboxes, announce } = setUp(21);
    announce();
    const userIds = [...users, ...users.slice(0, 2)];
    const outcome = await findBadges({ ...stores, inboxes })(aDelivery({ userIds }, { app }));
    const badges = userIds.map((userId) => ({ userId, badge: 1 }));
    expect(outcome).to.deep.equal({ kind: "reply", reply: { badges } });
    expect([inboxes.askedTogether, inboxes.asked]).to.deep.equal([[21], 0]);
  });

  it("are right of all while Redis is away, few or many", async () => {
    const away = new Error("away");
    const redis = { ...stores.redis, isDown: (error: unknown) => error === away };
    const unread = new Proxy(stores.unread, { get: () => () => Promise.reject(away) });
    const { app: ofNone, users: some, inboxes: none } = setUp(45);
    const asked = aDelivery({ userIds: some }, { app: ofNone });
    const broken = findBadges({ ...stores, unread, inboxes: none })(asked);
    expect(await broken.catch((error: unknown) => error), "is away, and not wrong").to.equal(away);
    for (const count of [3, 45]) {
      const { users, inboxes, announce, app } = setUp(count);
      announce();
      const outcome = await findBadges({ ...stores, redis, unread, inboxes })(aDelivery({ userIds: users }, { app }));
      expect(outcome).to.deep.equal({
        kind: "reply",
        reply: { badges: users.map((userId) => ({ userId, badge: 1 })) },
      });
    }
  });
});
