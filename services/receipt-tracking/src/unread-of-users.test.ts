import { type AnnouncementReceiptKind, partitionOf } from "@strata/contracts";
import { anAnnouncementId, anAppId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { profiled } from "../test/support.ts";
import { inboxesPeer, openUnread } from "../test/unread.ts";
import { receiptKey } from "./domain/receipt-key.ts";
import { unreadOf } from "./unread.ts";
import { unreadOfUsers } from "./unread-of-users.ts";

/** So many users of a partition, with ids that need care: slashes, and an order that UTF-16 has otherwise. */
function usersOf(partition: number, count: number, name = "user"): readonly string[] {
  const found: string[] = [];
  const kinds = ["a", "a/r/05", "\u{1f600}", "\uff5e"];
  for (let n = 0; found.length < count; n += 1) {
    const userId = `${kinds[n % kinds.length] ?? ""}${name}/${n}`;
    if (partitionOf(userId) === partition) found.push(userId);
  }
  return found;
}

/** Well over 200 of one partition, so that they are looked at from the first to the last. */
const CROWD = usersOf(5, 520);
const OTHERS = [...usersOf(6, 5), ...usersOf(7, 2)];
const USERS = [...CROWD, ...OTHERS];
const STRANGERS = usersOf(5, 900, "stranger");

type Receipt = readonly [AnnouncementReceiptKind, userId: string];

const some = (of: readonly string[]) =>
  fc.oneof(fc.constant(of), fc.subarray([...of]), fc.subarray([...of], { maxLength: 3 }));
const aReceipt = fc.tuple(
  fc.constantFrom<AnnouncementReceiptKind>("delivered", "read", "opened", "deleted"),
  fc.constantFrom(...USERS, ...STRANGERS),
);
const announced = fc.array(
  fc.record({ to: some(USERS), receipts: fc.array(aReceipt, { maxLength: 300, size: "max" }) }),
  {
    maxLength: 5,
  },
);

describe("unreadOfUsers", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openUnread>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-unread-of-users");
    stores = await openUnread(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  function setUp() {
    const app = anAppId();
    const inboxes = inboxesPeer();
    const deps = { ...stores, inboxes };
    let at = Date.now() - 3_600_000;
    async function announce(to: readonly string[], receipts: readonly Receipt[] = []) {
      const announcementId = anAnnouncementId();
      at += 1;
      for (const userId of to) inboxes.put(userId, { announcementId, at });
      const rows = receipts.map(([kind, userId]) => ({
        key: receiptKey(app, announcementId, kind, userId),
        fact: { userId, kind, at: 1 },
        by: "c",
      }));
      await stores.receipts.insertNew(rows);
      return announcementId;
    }
    const countAll = async (users: readonly string[] = USERS) => [...(await unreadOfUsers(deps, app, users))];
    const countEach = (users: readonly string[]) =>
      Promise.all(users.map(async (userId) => [userId, (await unreadOf(deps, { app, userId })).announcements]));
    return { app, inboxes, announce, countAll, countEach };
  }

  it("counts of all what is counted of each, and what there is, whatever they got, read and deleted", async () => {
    await fc.assert(
      fc.asyncProperty(announced, async (all) => {
        const { announce, countAll, countEach } = setUp();
        for (const { to, receipts } of all) await announce(to, receipts);
        const expected = USERS.map((userId) => {
          const got = all.filter(({ to }) => to.includes(userId));
          const ended = got.filter(({ receipts }) =>
            receipts.some(([kind, of]) => of === userId && (kind === "read" || kind === "deleted")),
          );
          return [userId, got.length - ended.length];
        });
        expect(await countAll()).to.deep.equal(expected);
        // Each alone is dear, so not of all.
        expect(await countEach(USERS.slice(-40))).to.deep.equal(expected.slice(-40));
      }),
      { numRuns: 15 },
    );
  }).timeout(120_000);

  it("is not led astray by others' receipts between theirs, however many", async () => {
    const { announce, countAll } = setUp();
    const readers = CROWD.slice(0, 30);
    const ends: readonly AnnouncementReceiptKind[] = ["read", "deleted"];
    const read = [...readers, ...STRANGERS].flatMap((userId) => ends.map((kind): Receipt => [kind, userId]));
    await announce(USERS, read);
    await announce(USERS);
    const counts = new Map(await countAll());
    expect(USERS.filter((userId) => counts.get(userId) === 1)).to.deep.equal(readers);
    expect(counts.get(CROWD[40] ?? "")).to.equal(2);
  });

  it("takes for the first and the last of them whom the database does", async () => {
    const { announce, countAll } = setUp();
    const beyond = CROWD.filter((userId) => !userId.startsWith("a"));
    await announce(
      beyond,
      beyond.map((userId) => ["read", userId]),
    );
    expect(new Set((await countAll()).map(([, count]) => count))).to.deep.equal(new Set([0]));
  });

  it("looks at nobody else's receipts where they are few", async () => {
    const { announce, countAll } = setUp();
    const few = CROWD.slice(-16);
    await announce(
      few,
      STRANGERS.map((userId) => ["read", userId]),
    );
    const reads = await profiled(stores.db, async () => {
      expect(new Set((await countAll(few)).map(([, count]) => count))).to.deep.equal(new Set([1]));
    });
    expect(reads.reduce((all, read) => all + read.keysExamined, 0)).to.be.at.most(2 * 2 * few.length);
  });

  it("looks at the receipts of so many entries at once, and of no more", async () => {
    const { app, inboxes, announce } = setUp();
    const some = CROWD.slice(0, 100);
    for (let n = 0; n < 120; n += 1) await announce(some.slice(13));
    const looks: number[] = [];
    const existing = (keys: readonly string[]) => {
      looks.push(keys.length);
      return stores.receipts.existing(keys);
    };
    const counts = await unreadOfUsers({ inboxes, receipts: { ...stores.receipts, existing } }, app, some);
    expect([...counts.values()]).to.deep.equal(some.map((_, n) => (n < 13 ? 0 : 120)));
    // Two keys for each of 120 times 87 entries, as many whole announcements at once as have 5,000 entries.
    expect(looks).to.deep.equal([58, 58, 4].map((announcements) => announcements * 87 * 2));
  });

  it("asks about all of them together, and looks at receipts a few times, however many they are", async () => {
    const { inboxes, announce, countAll } = setUp();
    for (let n = 0; n < 30; n += 1) await announce(CROWD, [["read", CROWD[n] ?? ""]]);
    const reads = await profiled(stores.db, async () => {
      expect(new Set((await countAll(CROWD)).map(([, count]) => count))).to.deep.equal(new Set([29, 30]));
    });
    expect([inboxes.askedTogether, inboxes.asked]).to.deep.equal([[CROWD.length], 0]);
    expect(reads.length).to.be.at.most(2);
    const sum = (of: "docsExamined" | "keysExamined") => reads.reduce((all, read) => all + read[of], 0);
    expect(sum("docsExamined")).to.equal(0);
    // What is there, and one beyond each span.
    expect(sum("keysExamined")).to.be.at.most(30 + 2 * 30 + 10);
  });

  it("keeps nothing: whoever is asked about next is counted as she is then", async () => {
    const { app, announce, countAll } = setUp();
    await announce(USERS);
    expect(new Map(await countAll()).get(CROWD[0] ?? "")).to.equal(1);
    await announce(USERS);
    expect(new Map(await countAll()).get(CROWD[0] ?? "")).to.equal(2);
    expect(await stores.client.keys(`${infra.redisPrefix}unread:${app}:*`)).to.deep.equal([]);
  });
});
