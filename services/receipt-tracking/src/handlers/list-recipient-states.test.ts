import { type AnnouncementReceiptKind, ListRecipientStates, partitionOf, RecipientFilter } from "@strata/contracts";
import { anAnnouncementId, anAppId, aUserId, type Infra, openInfra, userIds } from "@strata/testing";
import { expect } from "chai";
import { receiptKey } from "../domain/receipt-key.ts";
import { compareRecipients } from "../domain/recipient-state.ts";
import { aDelivery, openStores, recipientsOf } from "../../test/support.ts";
import { getReceiptStates } from "./get-receipt-states.ts";
import { listRecipientStates } from "./list-recipient-states.ts";

/** Users in the order in which they are listed. */
const inOrder = (users: readonly string[]): string[] => users.toSorted(compareRecipients);

describe("the states of recipients", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-states");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  /** An announcement to these users, of whom some have it and some have read it. */
  async function announced(
    to: { sent: readonly string[] } & Partial<Record<AnnouncementReceiptKind, readonly string[]>>,
  ) {
    const [app, announcementId] = [anAppId(), anAnnouncementId()];
    for (const [kind, at] of [
      ["delivered", 1_000],
      ["read", 2_000],
      ["opened", 3_000],
      ["deleted", 4_000],
    ] as const) {
      const news = (to[kind] ?? []).map((userId) => ({
        key: receiptKey(app, announcementId, kind, userId),
        fact: { userId, kind, at },
        by: "c1",
      }));
      await stores.receipts.insertNew(news);
    }
    const { recipients } = recipientsOf({ [announcementId]: to.sent });
    const handle = listRecipientStates({ ...stores, recipients });
    const page = async (status: RecipientFilter, after: string | null, limit: number) => {
      const outcome = await handle(aDelivery({ announcementId, status, after, limit }, { app }));
      if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
      return ListRecipientStates.reply.parse(outcome.reply);
    };
    /** Everybody of one status, collected page by page. */
    const list = async (status: RecipientFilter, limit: number) => {
      const found: string[] = [];
      let after: string | null = null;
      for (;;) {
        const { recipients: some, next } = await page(status, after, limit);
        found.push(...some.map(({ userId }) => userId));
        if (next === undefined) return found;
        after = next;
      }
    };
    return { app, announcementId, page, list };
  }

  it("list everyone of each status once and in one order, wherever the pages end", async () => {
    // Ids at which UTF-16 order and UTF-8 order differ, and ones with the separator of our keys, in one partition too.
    const awkward = ["😀", "\ufffd", "\uffff", "a/b", "a0", "0", "/", "é"].flatMap((one) =>
      userIds(40).map((id) => one + id),
    );
    const sent = [...awkward, ...userIds(100)];
    const delivered = sent.filter((_, n) => n % 3 !== 0);
    const read = sent.filter((_, n) => n % 4 === 0);
    const opened = sent.filter((_, n) => n % 5 === 0);
    const deleted = sent.filter((_, n) => n % 6 === 0);
    const { list } = await announced({ sent, delivered, read, opened, deleted });
    const either = sent.filter((userId) => [delivered, read, opened].some((some) => some.includes(userId)));
    const unread = sent.filter((userId) => !read.includes(userId));
    for (const limit of [7, 100, 1_000]) {
      expect(await list("sent", limit)).to.deep.equal(inOrder(sent));
      expect(await list("delivered", limit)).to.deep.equal(inOrder(either));
      expect(await list("read", limit)).to.deep.equal(inOrder(read));
      expect(await list("unread", limit)).to.deep.equal(inOrder(unread));
      expect(await list("opened", limit)).to.deep.equal(inOrder(opened));
      expect(await list("deleted", limit)).to.deep.equal(inOrder(deleted));
    }
    const shared = inOrder(sent).filter((userId) => partitionOf(userId) === partitionOf("😀user-000001"));
    expect(shared.length).to.be.greaterThan(1);
  });

  it("carry the times of all receipts, whichever list they are in", async () => {
    const [first, second, third] = [aUserId(1), aUserId(2), aUserId(3)];
    const { page } = await announced({
      sent: [first, second, third],
      delivered: [first],
      read: [first, second],
      opened: [first],
      deleted: [second],
    });
    const both = { userId: first, status: "read", deliveredAt: 1_000, readAt: 2_000, openedAt: 3_000, deletedAt: null };
    const readOnly = { ...both, userId: second, deliveredAt: null, openedAt: null, deletedAt: 4_000 };
    const neither = { userId: third, status: "sent", deliveredAt: null, readAt: null, openedAt: null, deletedAt: null };
    for (const status of ["sent", "delivered", "read"] as const) {
      const { recipients } = await page(status, null, 10);
      expect(recipients).to.have.deep.members(status === "sent" ? [both, readOnly, neither] : [both, readOnly]);
    }
    expect((await page("unread", null, 10)).recipients).to.deep.equal([neither]);
    expect((await page("opened", null, 10)).recipients).to.deep.equal([both]);
    expect((await page("deleted", null, 10)).recipients).to.deep.equal([readOnly]);
  });

  it("say where to go on when many recipients had to be passed over", async () => {
    const sent = userIds(21_000);
    const [last] = inOrder(sent).slice(-1);
    if (last === undefined) throw new Error("no recipients");
    const { page } = await announced({ sent, delivered: [], read: sent.filter((userId) => userId !== last) });
    const first = await page("unread", null, 10);
    expect(first.recipients).to.deep.equal([]);
    expect(first.next).to.equal(inOrder(sent)[19_999]);
    const second = await page("unread", first.next ?? null, 10);
    expect(second.recipients.map(({ userId }) => userId)).to.deep.equal([last]);
    expect(second.next).to.equal(undefined);
  });

  it("are not found for an announcement that does not exist, and empty for one without receipts", async () => {
    const { app, page } = await announced({ sent: userIds(2), delivered: [], read: [] });
    const handle = listRecipientStates({ ...stores, recipients: recipientsOf({}).recipients });
    for (const status of RecipientFilter.options) {
      const unknown = { announcementId: anAnnouncementId(), status, after: null, limit: 10 };
      expect(await handle(aDelivery(unknown, { app }))).to.have.nested.property("error.code", "not_found");
    }
    expect(await page("read", null, 10)).to.deep.equal({ recipients: [] });
  });

  it("of one user are found for many announcements, none of another app's", async () => {
    const user = aUserId(1);
    const one = await announced({ sent: [user], delivered: [user], read: [user] });
    const other = await announced({ sent: [user], delivered: [user], read: [] });
    const ask = async (announcementIds: string[]) => {
      const handle = getReceiptStates(stores);
      return handle(aDelivery({ userId: user, announcementIds }, { app: one.app }));
    };
    const later = { openedAt: null, deletedAt: null };
    const read = { userId: user, status: "read", deliveredAt: 1_000, readAt: 2_000, ...later };
    const sent = { userId: user, status: "sent", deliveredAt: null, readAt: null, ...later };
    expect(await ask([other.announcementId, one.announcementId, one.announcementId])).to.deep.equal({
      kind: "reply",
      reply: {
        states: [
          { ...sent, announcementId: other.announcementId },
          { ...read, announcementId: one.announcementId },
        ],
      },
    });
    expect(await ask([])).to.deep.equal({ kind: "reply", reply: { states: [] } });
  });
});
