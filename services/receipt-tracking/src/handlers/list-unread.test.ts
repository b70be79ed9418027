import { CountMissed, type InboxKey, ListUnread, type PayloadOf } from "@strata/contracts";
import { anAnnouncementId, anAppId, aUserId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { aDelivery, openStores, profiled } from "../../test/support.ts";
import { inboxesPeer } from "../../test/unread.ts";
import { receiptKey } from "../domain/receipt-key.ts";
import { countMissed, listUnread } from "./list-unread.ts";

const AT = 1_790_000_000_000;

describe("what a user has not read", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("list-unread");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  /** Nine announcements, newest first; every third is read, and of the others the oldest is deleted, too. */
  async function setUp() {
    const [app, userId] = [anAppId(), aUserId(1)];
    const inboxes = inboxesPeer();
    const keys = Array.from({ length: 9 }, (_, n): InboxKey => ({ announcementId: anAnnouncementId(), at: AT + n }));
    for (const key of keys) inboxes.put(userId, key);
    keys.reverse();
    const receipt = (key: InboxKey | undefined, kind: "read" | "deleted") =>
      stores.receipts.insertNew([
        { key: receiptKey(app, key?.announcementId ?? "", kind, userId), fact: { userId, kind, at: AT }, by: "x" },
      ]);
    for (const n of [2, 5, 8]) await receipt(keys[n], "read");
    await receipt(keys[7], "deleted");
    await receipt(keys[8], "deleted");
    const deps = { ...stores, inboxes };
    const list = async (changes: Partial<PayloadOf<typeof ListUnread>> = {}) => {
      const ask = { userId, after: null, since: null, limit: 100, ...changes };
      const outcome = await listUnread(deps)(aDelivery(ask, { app }));
      const { reply } = z.object({ reply: ListUnread.reply }).parse(outcome);
      return [reply.keys && reply.keys.map((key) => keys.findIndex((one) => one.at === key.at)), reply.total];
    };
    const missed = async (since: number | null, newest = 2) => {
      const outcome = await countMissed(deps)(aDelivery({ userId, since, newest }, { app }));
      return z.object({ reply: CountMissed.reply }).parse(outcome).reply;
    };
    return { app, userId, keys, list, missed, receipt };
  }

  it("is listed in pages, behind what was read or deleted meanwhile too, and counted on each", async () => {
    const { keys, list, receipt } = await setUp();
    expect(await list()).to.deep.equal([[0, 1, 3, 4, 6], 5]);
    expect(await list({ limit: 2 })).to.deep.equal([[0, 1], 5]);
    const after = keys[1]?.announcementId ?? "";
    expect(await list({ limit: 2, after })).to.deep.equal([[3, 4], 5]);
    await receipt(keys[1], "read");
    expect(await list({ limit: 2, after })).to.deep.equal([[3, 4], 4]);
    await receipt(keys[1], "deleted");
    expect(await list({ limit: 2, after })).to.deep.equal([[3, 4], 4]);
    expect(await list({ after: keys[6]?.announcementId ?? "" })).to.deep.equal([[], 4]);
    expect(await list({ after: anAnnouncementId() })).to.deep.equal([null, 4]);
  });

  it("is listed since a time", async () => {
    const { keys, list } = await setUp();
    expect(await list({ since: AT + 4 })).to.deep.equal([[0, 1, 3], 3]);
    expect(await list({ since: AT + 4, after: keys[6]?.announcementId ?? "" })).to.deep.equal([null, 3]);
  });

  it("is counted beside all that came since then and that she has not deleted", async () => {
    const { keys, missed } = await setUp();
    const newest = keys.slice(0, 2).map(({ announcementId }) => announcementId);
    expect(await missed(null)).to.deep.equal({ count: 7, unread: 5, newest });
    expect(await missed(AT + 4)).to.deep.equal({ count: 4, unread: 3, newest });
    expect(await missed(AT + 8)).to.deep.equal({ count: 0, unread: 0, newest: [] });
  });

  it("is found by keys of receipts alone, in one query for a thousand announcements", async () => {
    const { list } = await setUp();
    const reads = await profiled(stores.db, () => list());
    expect(reads.map(({ planSummary }) => planSummary)).to.deep.equal(["IXSCAN { _id: 1 }"]);
  });
});
