import { randomUUID } from "node:crypto";
import { MessageUpdated, type PartsChange } from "@strata/contracts";
import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { messageKey } from "../domain/message.ts";
import { aDraft, aPart, refusalOf, repliedBy, sender } from "../../test/messages.ts";
import { aConversation, aConversationId, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { changeParts } from "./change-parts.ts";

const append = (body: string): PartsChange => ({ kind: "append", part: aPart(body) });

describe("ChangeParts", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("change-parts");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** A message with parts "a" and "b", and the handler with what it is connected to. */
  async function setUp() {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(2));
    const message = await sender(stores)(app, aDraft(conversationId, { parts: [aPart("a"), aPart("b")] }));
    const { events, publisher } = recordingPublisher();
    const handle = changeParts({ ...stores, publisher });
    const command = (change: PartsChange, changed: { conversationId?: string; messageId?: string } = {}) =>
      aDelivery({ conversationId, messageId: message.messageId, change, maxParts: 10, at: 70, ...changed }, { app });
    const bodies = async () => {
      const row = await stores.messages.find(messageKey(app, message.messageId));
      return row?.parts.map(({ body }) => body);
    };
    const updated = () => events.map(({ payload }) => MessageUpdated.payload.parse(payload));
    return { app, conversationId, message, handle, command, bodies, events, updated };
  }

  it("changes a message, and says which parts are new, other or gone", async () => {
    const { handle, command, message, bodies, updated, events } = await setUp();
    const [first, second] = message.parts;
    const { message: changed } = repliedBy(await handle(command(append("c"))));
    expect(changed).to.deep.include({ updatedAt: 70, position: 1 });
    await handle(command({ kind: "replace", ref: { index: 1 }, part: aPart("B") }));
    await handle(command({ kind: "remove", ref: { partId: first?.partId ?? "" } }));
    expect(await bodies()).to.deep.equal(["B", "c"]);
    expect(updated().map((event) => [event.changed, event.removed])).to.deep.equal([
      [[changed.parts[2]?.partId], []],
      [[second?.partId], []],
      [[], [first?.partId]],
    ]);
    expect(events.map(({ subjectVersion }) => subjectVersion)).to.deep.equal([2, 3, 4]);
  });

  it("makes a change once when its command comes again, and says the same again, also after later changes", async () => {
    const { handle, command, bodies, events } = await setUp();
    const removing = command({ kind: "remove", ref: { index: 0 } });
    const appending = command(append("c"));
    const [removed, appended] = [await handle(removing), await handle(appending)];
    const again = [await handle(removing), await handle(appending)];
    expect(await bodies()).to.deep.equal(["b", "c"]);
    expect(again.map(repliedBy)[1]).to.deep.equal(repliedBy(appended));
    expect(repliedBy(again[0]).changed).to.deep.equal(repliedBy(removed).changed);
    expect(events.slice(2)).to.deep.equal(events.slice(0, 2));
  });

  it("loses no change when two writers overlap, and gives each a version of its own", async () => {
    const { app, handle, command, message, bodies, events } = await setUp();
    const appended = Array.from({ length: 4 }, (_, n) => `c${n}`);
    await Promise.all(appended.map((body) => handle(command(append(body)))));
    expect(await bodies()).to.have.members(["a", "b", ...appended]);
    expect(events.map(({ subjectVersion }) => subjectVersion)).to.have.members([2, 3, 4, 5]);
    const row = await stores.messages.find(messageKey(app, message.messageId));
    const late = { by: "late", at: 71, version: 3, changed: [], removed: [], actor: null, hits: [] };
    expect(await stores.messages.changeParts(row?._id ?? "", [], late)).to.equal(false);
    expect(await stores.messages.find(row?._id ?? "")).to.deep.equal(row);
  });

  it("remembers so many changes as may come again, and no more", async () => {
    const { app, handle, command, message } = await setUp();
    for (const n of Array.from({ length: 55 }).keys()) {
      await handle(command({ kind: "replace", ref: { index: 0 }, part: aPart(String(n)) }));
    }
    const row = await stores.messages.find(messageKey(app, message.messageId));
    expect(row?.changes).to.have.lengthOf(50);
    expect(row?.version).to.equal(56);
  });

  it("refuses what is not there, what was deleted, and content that is not uploaded", async () => {
    const { app, handle, command } = await setUp();
    const gone = await aConversation(stores, app, userIds(2), { deletedAt: 5 });
    const elsewhere = await aConversation(stores, app, userIds(2));
    const referring = aPart("", { body: null, content: { contentId: randomUUID(), size: 1 } });
    expect(await refusalOf(handle(command(append("c"), { conversationId: aConversationId() })))).to.equal("not_found");
    expect(await refusalOf(handle(command(append("c"), { conversationId: gone.conversationId })))).to.equal(
      "object_deleted",
    );
    expect(await refusalOf(handle(command(append("c"), { conversationId: elsewhere.conversationId })))).to.equal(
      "not_found",
    );
    expect(await refusalOf(handle(command(append("c"), { messageId: randomUUID() })))).to.equal("not_found");
    expect(await refusalOf(handle(command({ kind: "append", part: referring })))).to.equal("invalid_property");
    expect(await refusalOf(handle(command({ kind: "remove", ref: { index: 7 } })))).to.equal("not_found");
  });

  it("refuses to change a message that was deleted", async () => {
    const { app, handle, command, message, events } = await setUp();
    await stores.messages.delete(messageKey(app, message.messageId), { by: "x", at: 1 });
    expect(await refusalOf(handle(command(append("c"))))).to.equal("not_found");
    expect(events).to.deep.equal([]);
  });
});
