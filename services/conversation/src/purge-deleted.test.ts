import { randomUUID } from "node:crypto";
import { silentLogger } from "@strata/runtime";
import { anAppId, aUserId, eventually } from "@strata/testing";
import { expect } from "chai";
import { aConversation, insertMessages, openStores } from "../test/support.ts";
import { contentKey, type ContentRow } from "./domain/content.ts";
import { purgeSlice, startPurge } from "./purge-deleted.ts";

const [ann, bea] = [aUserId(1), aUserId(2)];
const deletion = { by: "deletion", at: 2_000 };

/** As it was announced; `by` and the like are of no interest here. */
const aContent = (app: string, conversation: string): ContentRow => {
  const contentId = randomUUID();
  return {
    _id: contentKey(app, contentId),
    app,
    contentId,
    conversation,
    owner: null,
    mimeType: "image/png",
    size: 5,
    origin: null,
    createdAt: 1_000,
    by: "announcement",
    session: null,
    isUploaded: false,
    uploadedAt: null,
  };
};

describe("what deleted conversations leave behind", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("purge-deleted");
  });
  after(() => stores[Symbol.asyncDispose]());

  const left = async (app: string) => ({
    messages: await stores.db.collection("messages").countDocuments({ app }),
    memberships: await stores.db.collection("memberships").countDocuments({ app }),
  });

  it("is removed slice by slice, conversations taking turns, until only the tombstone is left", async () => {
    const app = anAppId();
    const kept = await aConversation(stores, app, [ann, bea]);
    await insertMessages(stores.db, kept, 1, []);
    const gone = await aConversation(stores, app, [ann, bea], { metadata: { topic: "boats" } });
    const other = await aConversation(stores, app, [ann]);
    await insertMessages(stores.db, gone, 5, []);
    await insertMessages(stores.db, other, 1, []);
    await stores.conversations.delete(gone, deletion);
    await stores.conversations.delete(other, { by: "deletion", at: 2_001 });

    const sizes: unknown[] = [];
    while (await purgeSlice(stores, 3)) sizes.push(await left(app));
    expect(sizes).to.deep.equal([
      { messages: 4, memberships: 5 },
      { messages: 3, memberships: 4 },
      { messages: 1, memberships: 3 },
      { messages: 1, memberships: 2 },
    ]);
    expect(await stores.conversations.find(app, gone.conversationId)).to.deep.include({
      deletedBy: "deletion",
      participants: [ann, bea],
      metadata: {},
    });
    expect(await stores.conversations.find(app, kept.conversationId)).not.to.have.property("deletedAt");
  });

  it("takes its contents along: gone at once, and handed to the sweep, which removes their bytes", async () => {
    const app = anAppId();
    const [gone, kept] = [await aConversation(stores, app, [ann]), await aConversation(stores, app, [ann])];
    for (const { conversationId } of [gone, gone, kept]) {
      await stores.contents.insertOrFind(aContent(app, conversationId), Date.now());
    }
    await stores.conversations.delete(gone, deletion);
    while (await purgeSlice(stores, 2));
    const rows = await stores.db.collection("contents").find({ app }).toArray();
    expect(rows.map((row) => [row["conversation"] === gone.conversationId, "removedAt" in row])).to.have.deep.members([
      [true, true],
      [true, true],
      [false, false],
    ]);
    const due = [await stores.contents.claimDue(Date.now()), await stores.contents.claimDue(Date.now())];
    expect(due.map((one) => [one?.row.app, one?.step])).to.deep.equal([
      [app, "remove"],
      [app, "remove"],
    ]);
    expect(await stores.contents.claimDue(Date.now())).to.equal(null);
  });

  it("is left alone while another process holds it, and taken up again when that one is dead", async () => {
    const app = anAppId();
    const gone = await aConversation(stores, app, [ann]);
    await stores.conversations.delete(gone, deletion);
    const claimed = await stores.conversations.claimPurge(60_000);
    expect(claimed).to.have.property("conversationId", gone.conversationId);
    expect(await purgeSlice(stores)).to.equal(false);
    expect(await left(app)).to.have.property("memberships", 1);
    await stores.db.collection("conversations").updateOne({ app }, { $set: { purgeDueAt: Date.now() } });
    expect(await purgeSlice(stores)).to.equal(true);
    expect(await left(app)).to.have.property("memberships", 0);
  });

  it("is removed in the background", async () => {
    const app = anAppId();
    const gone = await aConversation(stores, app, [ann, bea]);
    await insertMessages(stores.db, gone, 1_200, []);
    await stores.conversations.delete(gone, deletion);
    const purge = startPurge(stores, 10, silentLogger);
    await eventually(() => left(app), { messages: 0, memberships: 0 });
    await purge.close();
    expect(await purgeSlice(stores)).to.equal(false);
  });
});
