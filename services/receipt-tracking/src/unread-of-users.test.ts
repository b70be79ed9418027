import { type AnnouncementReceiptKind, partitionOf } from "@strata/contracts";
import { anAnnouncementId, anAppId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { profiled } from "../test/support.ts";
import { inboxesPeer, openUnread } from "../test/unread.ts";
import { receiptKey } from "./domain/receipt-key.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";
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
const CROWD = usersOf(5, 600);
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
    /** How many keys, and how many spans of keys, each look was for. */
    const looks: { readonly keys: number[]; readonly spans: number[] } = { keys: [], spans: [] };
    const receipts: ReceiptStore = {
      ...stores.receipts,
      existing(keys) {
        looks.keys.push(keys.length);
        return stores.receipts.existing(keys);
      },
      existingWithin(spans, most) {
        looks.spans.push(spans.length);
        return stores.receipts.existingWithin(spans, most);
      },
    };
    const deps = { ...stores, receipts, inboxes };
    let at = Date.now() - 3_600_000;
    async function announce(to: readonly string[], recorded: readonly Receipt[] = []) {
      const announcementId = anAnnouncementId();
      at += 1;
      for (const userId of to) inboxes.put(userId, { announcementId, at });
      const rows = recorded.map(([kind, userId]) => ({
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
    return { app, inboxes, looks, announce, countAll, countEach };
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
    const { looks, announce, countAll } = setUp();
    // The last of all, behind more receipts than are read of spans.
    const readers = CROWD.filter((userId) => userId.startsWith("\u{1f600}")).slice(-30);
    const foreign = STRANGERS.flatMap((userId): Receipt[] => [
      ["read", userId],
      ["deleted", userId],
    ]);
    await announce(USERS, [...foreign, ...readers.map((userId): Receipt => ["deleted", userId])]);
    await announce(USERS);
    const counts = new Map(await countAll());
    expect(USERS.filter((userId) => counts.get(userId) === 1)).to.deep.equal(readers);
    expect([...counts.values()].filter((count) => count === 2)).to.have.lengthOf(USERS.length - readers.length);
    expect(looks.spans).to.deep.equal([4]);
  });

  it("takes for the first and the last of them whom the database does", async () => {
    const { looks, announce, countAll } = setUp();
    // All of one part of the inboxes.
    const beyond = CROWD.slice(80).filter((userId) => !userId.startsWith("a"));
    await announce(
      beyond,
      beyond.map((userId) => ["read", userId]),
    );
    expect(new Set((await countAll()).map(([, count]) => count))).to.deep.equal(new Set([0]));
    expect(looks).to.deep.equal({ keys: [], spans: [2] });
  });

  it("looks at nobody else's receipts where they are few", async () => {
    const { looks, announce, countAll } = setUp();
    const few = CROWD.slice(-16);
    await announce(
      few,
      STRANGERS.map((userId) => ["read", userId]),
    );
    expect(new Set((await countAll(few)).map(([, count]) => count))).to.deep.equal(new Set([1]));
    expect(looks).to.deep.equal({ keys: [4, 28], spans: [] });
  });

  it("looks at the receipts of so many entries at once, and of no more", async () => {
    const { looks, announce, countAll } = setUp();
    const hundred = CROWD.slice(0, 100);
    for (let n = 0; n < 120; n += 1) await announce(hundred.slice(13));
    expect((await countAll(hundred)).map(([, count]) => count)).to.deep.equal(
      hundred.map((_, n) => (n < 13 ? 0 : 120)),
    );
    // Two keys for each of 120 times 87 entries, as many whole announcements at once as have 5,000 entries.
    expect(looks.keys).to.deep.equal([58, 58, 4].map((announcements) => announcements * 87 * 2));
  });

  it("asks about all of them together, and looks at receipts a few times, however many they are", async () => {
    const { inboxes, looks, announce, countAll } = setUp();
    for (let n = 0; n < 30; n += 1) await announce(CROWD, [["read", CROWD[n] ?? ""]]);
    const reads = await profiled(stores.db, async () => {
      expect(new Set((await countAll(CROWD)).map(([, count]) => count))).to.deep.equal(new Set([29, 30]));
    });
    expect([inboxes.askedTogether, inboxes.asked]).to.deep.equal([[CROWD.length], 0]);
    // The first part of the inboxes is of 75 users.
    expect(looks).to.deep.equal({ keys: [75 * 30 * 2], spans: [30 * 2] });
    expect(
      reads.reduce((all, { docsExamined }) => all + docsExamined, 0),
      "no receipt itself is read",
    ).to.equal(0);
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
