import { randomUUID } from "node:crypto";
import type { CreateContent, PayloadOf } from "@strata/contracts";
import type { Outcome } from "@strata/messaging";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aConversation, aDelivery, openStores } from "../../test/support.ts";
import { UNSENT_MS } from "../store/content-store.ts";
import { createContent } from "./create-content.ts";
import { getContent } from "./get-content.ts";

const announcement = (
  conversationId: string | null,
  owner: string | null,
  contentId: string = randomUUID(),
): PayloadOf<typeof CreateContent> => ({
  contentId,
  conversationId,
  owner,
  mimeType: "image/png",
  size: 5,
  origin: null,
});

const code = (outcome: Outcome): string | undefined => (outcome.kind === "refuse" ? outcome.error.code : undefined);

describe("content that is announced and asked for", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("content");
  });
  after(() => stores[Symbol.asyncDispose]());

  const announce = (app: string, payload: PayloadOf<typeof CreateContent>, id: string = randomUUID()) =>
    createContent(stores)(aDelivery(payload, { app, id }));
  const ask = async (app: string, contentId: string, conversationId: string | null, userId: string | null) => {
    const outcome = await getContent(stores)(aDelivery({ contentId, conversationId, userId }, { app }));
    if (outcome.kind === "reply") return outcome.reply.content === null ? "unseen" : "seen";
    return code(outcome);
  };
  const uploaded = async (app: string, conversationId: string | null, owner: string | null): Promise<string> => {
    const payload = announcement(conversationId, owner);
    await announce(app, payload);
    const row = await stores.contents.find(app, payload.contentId);
    if (!row) throw new Error("it was not stored");
    await stores.contents.markUploaded(row, Date.now());
    return payload.contentId;
  };

  it("is remembered once, and answered alike when its command comes again; another command is refused", async () => {
    const app = anAppId();
    const payload = announcement(null, "ann");
    const id = randomUUID();
    const first = await announce(app, payload, id);
    expect(first).to.have.property("kind", "reply");
    expect(first).to.have.nested.property("reply.isUploaded", false);
    expect(code(await announce(app, payload))).to.equal("id_in_use");
    expect(await announce(anAppId(), payload)).to.have.property("kind", "reply");
  });

  it("is refused where the conversation is absent, deleted, left, or strange to its owner", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, ["ann"]);
    const deleted = await aConversation(stores, app, ["ann"], { deletedAt: 5 });
    const left = await aConversation(stores, app, ["ann", "bob"]);
    await stores.db
      .collection("conversations")
      .updateOne({ conversationId: left.conversationId }, { $set: { participants: ["bob"] } });
    expect(code(await announce(app, announcement(randomUUID(), null)))).to.equal("not_found");
    expect(code(await announce(app, announcement(deleted.conversationId, null)))).to.equal("object_deleted");
    expect(code(await announce(app, announcement(conversationId, "eve")))).to.equal("not_found");
    expect(code(await announce(app, announcement(left.conversationId, "ann")))).to.equal("access_denied");
    expect(code(await announce(anAppId(), announcement(conversationId, null)))).to.equal("not_found");
    expect(await announce(app, announcement(conversationId, "ann"))).to.have.property("kind", "reply");
  });

  it("is seen through its conversation by whoever is or was in it, and through no other", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, ["ann", "bob"]);
    const other = await aConversation(stores, app, ["ann"]);
    const contentId = await uploaded(app, conversationId, "ann");
    expect(await ask(app, contentId, conversationId, null)).to.equal("seen");
    expect(await ask(app, contentId, conversationId, "bob")).to.equal("seen");
    expect(await ask(app, contentId, null, "bob")).to.equal("seen");
    expect(await ask(app, contentId, conversationId, "eve")).to.equal("not_found");
    expect(await ask(app, contentId, null, "eve")).to.equal("unseen");
    expect(await ask(app, contentId, other.conversationId, null)).to.equal("unseen");
    expect(await ask(anAppId(), contentId, null, null)).to.equal("unseen");
  });

  it("of a user is hers alone until it is sent, and then also theirs to whom it was", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, ["ann", "bob"]);
    const contentId = await uploaded(app, null, "ann");
    expect(await ask(app, contentId, null, "ann")).to.equal("seen");
    expect(await ask(app, contentId, null, "bob")).to.equal("unseen");
    expect(await ask(app, contentId, conversationId, "bob")).to.equal("unseen");
    for (let time = 1; time <= 2; time += 1) {
      expect(await stores.contents.findMissing(app, conversationId, [contentId])).to.deep.equal([]);
    }
    expect(await ask(app, contentId, null, "bob")).to.equal("seen");
    expect(await ask(app, contentId, conversationId, "bob")).to.equal("seen");
    expect(await ask(app, contentId, null, "eve")).to.equal("unseen");
  });

  it("of a user goes when nobody has sent it for a week; what was sent stays, and what a backend uploaded", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, ["ann"]);
    const told = async (owner: string | null, isSentBefore = false): Promise<string> => {
      const contentId = await uploaded(app, null, owner);
      if (isSentBefore) await send(contentId);
      const row = await stores.contents.find(app, contentId);
      if (!row) throw new Error("it is there");
      await stores.contents.markTold(row, now);
      return contentId;
    };
    const send = (contentId: string) => stores.contents.findMissing(app, conversationId, [contentId]);
    const now = Date.now();
    const [unsent, sentBefore, sentAfter] = [await told("ann"), await told("ann", true), await told("ann")];
    const ofBackend = await told(null);
    expect(await send(sentAfter)).to.deep.equal([]);
    const due = async (at: number): Promise<readonly string[]> => {
      const found: string[] = [];
      for (let one = await stores.contents.claimDue(at); one !== null; one = await stores.contents.claimDue(at))
        if (one.row.app === app) found.push(`${one.step} ${one.row.contentId}`);
      return found;
    };
    expect(await due(now + UNSENT_MS - 1)).to.deep.equal([]);
    expect(await due(now + UNSENT_MS)).to.deep.equal([`remove ${unsent}`]);
    expect(await send(unsent), "too late").to.deep.equal([unsent]);
    for (const contentId of [sentBefore, sentAfter, ofBackend])
      expect(await stores.contents.find(app, contentId)).to.have.property("contentId", contentId);
  });

  it("may be referred to once it is uploaded, from its own conversation only", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, ["ann"]);
    const contentId = await uploaded(app, conversationId, null);
    const begun = announcement(conversationId, null);
    await announce(app, begun);
    const asked = [contentId, begun.contentId, randomUUID()];
    expect(await stores.contents.findMissing(app, conversationId, asked)).to.deep.equal(asked.slice(1));
    expect(await stores.contents.findMissing(app, randomUUID(), [contentId])).to.deep.equal([contentId]);
    expect(await stores.contents.findMissing(anAppId(), conversationId, [contentId])).to.deep.equal([contentId]);
  });
});
