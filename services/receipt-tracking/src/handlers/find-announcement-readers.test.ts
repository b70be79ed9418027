import { type AnnouncementReceiptKind } from "@strata/contracts";
import { anAnnouncementId, anAppId, type Infra, openInfra, userIds } from "@strata/testing";
import { expect } from "chai";
import { receiptKey } from "../domain/receipt-key.ts";
import { aDelivery, openStores } from "../../test/support.ts";
import { findAnnouncementReaders } from "./find-announcement-readers.ts";

describe("findAnnouncementReaders", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-readers");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  const [ann = "", bob = "", cid = "", dee = ""] = userIds(4);
  const note = (app: string, announcementId: string, userId: string, kind: AnnouncementReceiptKind) =>
    stores.receipts.insertNew([
      { key: receiptKey(app, announcementId, kind, userId), fact: { userId, kind, at: 1_000 }, by: "c1" },
    ]);
  const find = async (app: string, announcementId: string, asked: string[]) => {
    const outcome = await findAnnouncementReaders(stores)(aDelivery({ announcementId, userIds: asked }, { app }));
    return outcome.kind === "reply" ? outcome.reply.userIds : outcome;
  };

  it("names who of those asked about has read it, in their order, and nobody who merely has it", async () => {
    const [app, announcementId] = [anAppId(), anAnnouncementId()];
    expect(await find(app, announcementId, [ann, bob])).to.deep.equal([]);
    for (const userId of [ann, cid, dee]) await note(app, announcementId, userId, "read");
    for (const userId of [ann, bob]) await note(app, announcementId, userId, "delivered");
    expect(await find(app, announcementId, [cid, bob, ann])).to.deep.equal([cid, ann]);
  });

  it("knows readers of this announcement alone, and of this app", async () => {
    const [app, announcementId] = [anAppId(), anAnnouncementId()];
    await note(app, anAnnouncementId(), ann, "read");
    await note(anAppId(), announcementId, bob, "read");
    expect(await find(app, announcementId, [ann, bob])).to.deep.equal([]);
  });
});
