import { type InboxKey, MarkInboxRead, type PayloadOf, RecordReceipts } from "@strata/contracts";
import { anAnnouncementId, anAppId, aUserId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, profiled, recordingPublisher } from "../../test/support.ts";
import { inboxesPeer } from "../../test/unread.ts";
import { receiptKey } from "../domain/receipt-key.ts";
import { listDeleted } from "./list-deleted.ts";
import { markInboxRead } from "./mark-inbox-read.ts";

const AT = 1_790_000_000_000;

const idsOf = (keys: readonly InboxKey[]) => keys.map(({ announcementId }) => announcementId).toReversed();

describe("markInboxRead", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("mark-inbox-read");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  function setUp(size: number) {
    const [app, userId] = [anAppId(), aUserId(1)];
    const inboxes = inboxesPeer();
    const keys = Array.from({ length: size }, (_, n): InboxKey => ({ announcementId: anAnnouncementId(), at: AT + n }));
    for (const key of keys) inboxes.put(userId, key);
    const { publisher, commands } = recordingPublisher();
    const step = (payload: Partial<PayloadOf<typeof MarkInboxRead>> = {}, id = "c1") => {
      const all = { userId, until: AT + size, at: AT + size, knownSince: 0, ...payload };
      return markInboxRead({ ...stores, inboxes, publisher })(aDelivery(all, { app, id, type: MarkInboxRead.type }));
    };
    const receipt = (announcementId: string, kind: "read" | "deleted", at = AT) =>
      stores.receipts.insertNew([
        { key: receiptKey(app, announcementId, kind, userId), fact: { userId, kind, at }, by: "x" },
      ]);
    const sent = (type: string) => commands.filter((one) => one.type === type);
    const marked = () =>
      sent(RecordReceipts.type).map(({ payload }) => RecordReceipts.payload.parse(payload).announcementId);
    return { app, userId, keys, inboxes, step, receipt, sent, marked };
  }

  it("has recorded what she has neither read nor deleted, until the time named", async () => {
    const { keys, step, receipt, sent, marked } = setUp(6);
    const [, read, deleted] = keys;
    if (!read || !deleted) throw new Error("too few");
    await receipt(read.announcementId, "read");
    await receipt(deleted.announcementId, "deleted");
    await step({ until: AT + 4, at: AT + 9 });
    expect(marked()).to.have.members(idsOf(keys.filter((_, n) => n === 0 || n === 3 || n === 4)));
    expect(sent(RecordReceipts.type)[0]).to.have.deep.nested.property("payload.receipts", [
      { userId: aUserId(1), kind: "read", at: AT + 9 },
    ]);
    expect(sent(MarkInboxRead.type)).to.have.lengthOf(0);
  });

  it("takes a long inbox in steps, each a command that says where it begins", async () => {
    const { keys, step, sent, marked } = setUp(2_500);
    await step();
    expect(marked()).to.have.lengthOf(1_000);
    for (let n = 0; n < 2; n += 1) {
      const next = sent(MarkInboxRead.type)[n];
      if (!next) throw new Error("no next step");
      await step(MarkInboxRead.payload.parse(next.payload), next.id);
    }
    expect(marked()).to.have.members(idsOf(keys));
    expect(sent(MarkInboxRead.type)).to.have.lengthOf(2);
  });

  it("sends the very same commands when a step comes again, though its last announcement was recalled meanwhile", async () => {
    const { userId, keys, inboxes, step, sent } = setUp(1_500);
    await step();
    const ids = () => sent(RecordReceipts.type).map(({ id }) => id);
    const first = new Set(ids());
    await step();
    expect(new Set(ids())).to.deep.equal(first);
    expect(new Set(sent(MarkInboxRead.type).map(({ id }) => id)).size).to.equal(1);
    const [next] = sent(MarkInboxRead.type);
    const { behind } = MarkInboxRead.payload.parse(next?.payload);
    if (!behind) throw new Error("no place to go on from");
    inboxes.takeOut(userId, behind.announcementId);
    await step({ behind }, next?.id);
    expect(new Set(ids()).size).to.equal(keys.length);
  });
});

describe("listDeleted", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("list-deleted");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  it("names what one user of one app has deleted, and nothing that she has only read, by the index alone", async () => {
    const [app, other] = [anAppId(), anAppId()];
    const ids = Array.from({ length: 4 }, anAnnouncementId);
    const [first = "", second = "", third = "", fourth = ""] = ids;
    const put = (at: string, announcementId: string, kind: "read" | "deleted", userId: string) =>
      stores.receipts.insertNew([
        { key: receiptKey(at, announcementId, kind, userId), fact: { userId, kind, at: AT }, by: "x" },
      ]);
    await put(app, first, "deleted", "a/b");
    await put(app, second, "read", "a/b");
    await put(app, third, "deleted", "a");
    await put(other, fourth, "deleted", "a/b");
    const ask = (at: string, userId: string) => listDeleted(stores)(aDelivery({ userId }, { app: at }));
    expect(await ask(app, "a/b")).to.deep.include({ reply: { announcementIds: [first] } });
    expect(await ask(app, "a")).to.deep.include({ reply: { announcementIds: [third] } });
    expect(await ask(other, "a")).to.deep.include({ reply: { announcementIds: [] } });
    const reads = await profiled(stores.db, () => ask(app, "a/b"));
    expect(reads.map(({ docsExamined, keysExamined }) => [docsExamined, keysExamined])).to.deep.equal([[0, 1]]);
  });
});
