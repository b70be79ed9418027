import { randomUUID } from "node:crypto";
import { ReconcileUnread } from "@strata/contracts";
import { anAnnouncementId, anAppId, aUserId, eventually, openInfra, type Infra, userIds } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { Counter, Registry } from "prom-client";
import { aDelivery } from "../test/support.ts";
import { inboxesPeer, openUnread } from "../test/unread.ts";
import { countBatches, countReceipts, dropCounts } from "./handlers/follow-unread.ts";
import { reconcileUnread } from "./handlers/get-unread.ts";
import { FRESH_MS, unreadOf } from "./unread.ts";
import { unreadDrift } from "./unread-drift.ts";

describe("unread announcements", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openUnread>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-unread");
    stores = await openUnread(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  /** One user of a new app, with what puts announcements into her inbox, reads them, and delivers their events. */
  function setUp() {
    const [app, userId] = [anAppId(), aUserId(1)];
    const inboxes = inboxesPeer();
    const deps = { ...stores, inboxes };
    const announce = (at = Date.now()) => {
      const announcementId = anAnnouncementId();
      inboxes.put(userId, { announcementId, at });
      return { announcementId, at };
    };
    const stored = ({ announcementId, at }: { announcementId: string; at: number }, recipients = [userId]) =>
      countBatches(deps)([
        aDelivery({ announcementId, batchId: "b", partition: 0, at, recipients, hasNotification: false }, { app }),
      ]);
    const recorded = (announcementId: string, kind: "read" | "delivered" | "deleted" = "read") =>
      countReceipts(deps)(aDelivery({ announcementId, receipts: [{ userId, kind, at: 1 }] }, { app }));
    const read = (announcementId: string) => stores.read(app, announcementId, userId);
    const count = async () => (await unreadOf(deps, { app, userId })).announcements;
    return { app, userId, inboxes, deps, announce, stored, recorded, read, count };
  }

  it("lose what is recalled or has expired, and nobody else's app is counted anew", async () => {
    const { app, userId, inboxes, deps, announce, count } = setUp();
    const [kept, gone] = [announce(), announce()];
    const other = setUp();
    other.announce();
    expect([await count(), await other.count()]).to.deep.equal([2, 1]);
    inboxes.takeOut(userId, gone.announcementId);
    await dropCounts(deps)(aDelivery({ announcementId: gone.announcementId, version: 2, at: kept.at }, { app }));
    expect([await count(), await other.count()]).to.deep.equal([1, 1]);
    expect([inboxes.asked, other.inboxes.asked]).to.deep.equal([2, 1]);
  });

  it("count nothing that was recalled, though the event of its batch comes again afterwards", async () => {
    const { app, userId, inboxes, deps, announce, stored, count } = setUp();
    const gone = announce();
    announce();
    expect(await count()).to.equal(2);
    inboxes.takeOut(userId, gone.announcementId);
    inboxes.ended.add(gone.announcementId);
    await dropCounts(deps)(aDelivery({ announcementId: gone.announcementId, version: 2, at: gone.at }, { app }));
    expect(await count()).to.equal(1);
    await stored(gone);
    expect(await count()).to.equal(1);
    // Redis lost what it knew of it, and knows it again with the next count.
    await stores.flush();
    expect(await count()).to.equal(1);
    await stored(gone);
    expect(await count()).to.equal(1);
    // Nobody need tell that it was recalled any more: it is too old to count by itself.
    inboxes.ended.clear();
    await stores.flush();
    expect(await count()).to.equal(1);
    await stored({ ...gone, at: gone.at - FRESH_MS });
    expect(await count()).to.equal(1);
  });

  it("count nothing that is recalled while they are counted", async () => {
    const { inboxes, announce, count } = setUp();
    const gone = announce();
    announce();
    inboxes.ended.add(gone.announcementId);
    expect(await count()).to.equal(1);
  });

  it("follow at once what is for everyone, though it is written down later whose it is", async () => {
    const { app, deps, announce, stored, count } = setUp();
    expect(await count()).to.equal(0);
    const one = announce();
    await dropCounts(deps)(aDelivery({ announcementId: one.announcementId, version: 1, at: one.at }, { app }));
    expect(await count()).to.equal(1);
    await stored(one);
    expect(await count()).to.equal(1);
  });

  it("are counted from inbox and receipts once, and then follow the events", async () => {
    const { inboxes, announce, stored, recorded, read, count } = setUp();
    const [first] = [announce(), announce()];
    await read(first.announcementId);
    expect(await count()).to.equal(1);
    const third = announce();
    await stored(third);
    expect(await count()).to.equal(2);
    await read(third.announcementId);
    await recorded(third.announcementId);
    expect(await count()).to.equal(1);
    expect(inboxes.asked).to.equal(1);
  });

  it("change by no event that comes twice, late, or of a delivery", async () => {
    const { announce, stored, recorded, read, count } = setUp();
    const one = announce();
    expect(await count()).to.equal(1);
    await stored(one);
    await stored(one);
    await recorded(one.announcementId, "delivered");
    expect(await count()).to.equal(1);
    await read(one.announcementId);
    await recorded(one.announcementId);
    await recorded(one.announcementId);
    await stored(one);
    expect(await count()).to.equal(0);
  });

  it("stay read when an announcement was read before the count was made, and its batch's event comes only then", async () => {
    const { announce, stored, read, count } = setUp();
    const fresh = announce();
    const old = announce(Date.now() - 3_600_000);
    await read(fresh.announcementId);
    await read(old.announcementId);
    expect(await count()).to.equal(0);
    await stored(fresh);
    await stored(old);
    expect(await count()).to.equal(0);
  });

  it("are unread no more once she has deleted them for herself", async () => {
    const { announce, recorded, count } = setUp();
    const one = announce();
    expect(await count()).to.equal(1);
    await recorded(one.announcementId, "deleted");
    expect(await count()).to.equal(0);
  });

  it("stay read when the read comes before the batch", async () => {
    const { announce, stored, recorded, read, count } = setUp();
    expect(await count()).to.equal(0);
    const one = announce();
    await read(one.announcementId);
    await recorded(one.announcementId);
    await stored(one);
    expect(await count()).to.equal(0);
  });

  it("keep no count during which something came in, and so miss nothing", async () => {
    const { inboxes, announce, stored, count } = setUp();
    announce();
    inboxes.meanwhile = async () => {
      await stored(announce());
    };
    expect(await count()).to.equal(1);
    expect(await count()).to.equal(2);
    expect(inboxes.asked).to.equal(2);
    expect(await count()).to.equal(2);
    expect(inboxes.asked).to.equal(2);
  });

  it("keep no count either during which something was read", async () => {
    const { inboxes, announce, recorded, read, count } = setUp();
    const one = announce();
    inboxes.meanwhile = async () => {
      await recorded(one.announcementId);
    };
    await count();
    await read(one.announcementId);
    expect(await count()).to.equal(0);
  });

  it("are exact after Redis was flushed under traffic", async () => {
    const { announce, stored, recorded, read, count } = setUp();
    const all = Array.from({ length: 40 }, () => announce());
    await Promise.all([
      ...all.map(async (one, n) => {
        await stored(one);
        if (n % 3 !== 0) return;
        await read(one.announcementId);
        await recorded(one.announcementId);
      }),
      ...Array.from({ length: 10 }, count),
      stores.flush(),
      stores.flush(),
    ]);
    expect(await count()).to.equal(26);
    await stores.flush();
    expect(await count()).to.equal(26);
  });

  it("give versions that rise, also after a flush", async () => {
    const { app, userId, deps } = setUp();
    const versions: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      versions.push((await unreadOf(deps, { app, userId })).version);
      if (n === 2) await stores.flush();
    }
    expect(versions).to.deep.equal(versions.toSorted((a, b) => a - b));
    expect(new Set(versions).size).to.equal(5);
  });

  it("change for the recipients of a batch who have a count, and make nothing for the others", async () => {
    const { app, deps, announce, stored, count } = setUp();
    expect(await count()).to.equal(0);
    await stored(announce(), userIds(1_000));
    expect(await count()).to.equal(1);
    const counted = await Promise.all(userIds(20).map((user) => deps.unread.peek({ app, userId: user })));
    expect(counted).to.deep.equal([1, ...Array.from({ length: 19 }, () => null)]);
    const keys = await stores.client.keys(`${infra.redisPrefix}unread:${app}:*`);
    expect(keys).to.have.lengthOf(1);
  });

  it("are counted anew for a whole app once its generation is over", async () => {
    const { app, inboxes, announce, count, deps } = setUp();
    expect(await count()).to.equal(0);
    announce();
    await deps.unread.dropApp(app);
    expect(await count()).to.equal(1);
    expect(inboxes.asked).to.equal(2);
  });

  it("of one app are nothing to another", async () => {
    const { userId, inboxes, announce, stored, count } = setUp();
    const other = setUp();
    await count();
    await stored(announce());
    expect(await unreadOf({ ...stores, inboxes: other.inboxes }, { app: other.app, userId })).to.include({
      announcements: 0,
    });
    expect(inboxes.asked).to.equal(1);
  });

  it("are put right by a reconciliation, which says what was there before", async () => {
    const { app, userId, deps, announce, count } = setUp();
    announce();
    await count();
    await stores.client.hset(`unread:${app}:${userId}`, "=count", 7);
    const handle = reconcileUnread(deps);
    const outcome = await handle(aDelivery({ userId }, { app }));
    const { reply } = z.object({ reply: ReconcileUnread.reply }).parse(outcome);
    expect([reply.before, reply.after.announcements]).to.deep.equal([7, 1]);
    expect(await count()).to.equal(1);
  });

  it("that have drifted are counted in a metric at the second look, and put right", async () => {
    await stores.flush();
    const { app, userId, deps, announce, count } = setUp();
    announce();
    await count();
    const drift = new Counter({
      name: `d${randomUUID().replaceAll("-", "")}`,
      help: "x",
      labelNames: ["result"],
      registers: [new Registry()],
    });
    const look = unreadDrift({ ...deps, drift });
    const seen = async () => {
      const { values } = await drift.get();
      return values.find(({ labels }) => labels.result === "different")?.value ?? 0;
    };
    await look();
    await look();
    expect(await seen()).to.equal(0);
    await stores.client.hset(`unread:${app}:${userId}`, "=count", 7);
    // A look passes over a part of Redis, and whatever else is in it decides which one comes to this count.
    let looks = 0;
    await eventually(async () => {
      looks += 1;
      await look();
      return seen();
    }, 1);
    expect(looks).to.be.at.least(2);
    expect(await count()).to.equal(1);
  });
});
