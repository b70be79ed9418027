import { aUserId } from "@strata/testing";
import { expect } from "chai";
import { aCreation, DAY, HOUR, lifetime, lookingAt, NOTHING, saying, terms } from "../../test/lifetimes.ts";
import { aMessageId, aPart, refusalOf, repliedBy } from "../../test/messages.ts";
import { aDelivery, limits, openStores } from "../../test/support.ts";
import { purgeSlice } from "../purge-deleted.ts";
import { changeConversation } from "./change-conversation.ts";
import { changeParts } from "./change-parts.ts";
import { clearConversation } from "./clear-conversation.ts";
import { createContent } from "./create-content.ts";
import { createConversation } from "./create-conversation.ts";
import { deleteConversation } from "./delete-conversation.ts";
import { forgetParticipant } from "./forget-participant.ts";
import { markAllRead } from "./mark-all-read.ts";

const [ann, bea, cem] = [aUserId(1), aUserId(2), aUserId(3)];

describe("conversations that open, close and go by themselves", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let look: ReturnType<typeof lookingAt>;
  before(async () => {
    stores = await openStores("conversation-steps");
    look = lookingAt(stores);
  });
  after(() => stores[Symbol.asyncDispose]());

  describe("opening", () => {
    it("happens at once where its moment is over", async () => {
      const one = lifetime(stores);
      const { conversation } = await one.create({ terms: terms({ opensAt: one.now() - HOUR }) });
      const { conversationId = "" } = conversation ?? {};
      await one.step(conversationId);
      expect(await look.seenOf(conversationId, one.app)).to.deep.include({ standing: "participant", total: 1 });
    });

    it("is nowhere to be seen before, then in everybody's lists with what it begins with", async () => {
      const one = lifetime(stores);
      const { app } = one;
      const opensAt = one.now() + HOUR;
      const iceBreaker = [saying("you matched"), saying("say hello")];
      const { conversation } = await one.create({ terms: terms({ opensAt, iceBreaker }) });
      const { conversationId = "" } = conversation ?? {};
      expect(conversation?.lifecycle).to.deep.equal({
        state: "scheduled",
        steps: [{ step: "open", state: "pending", at: opensAt }],
      });
      expect(await look.seenOf(conversationId, app)).to.deep.equal(NOTHING);
      await one.step(conversationId);
      expect(await look.seenOf(conversationId, app)).to.deep.equal(NOTHING);
      expect(one.eventsOf(conversationId)).to.deep.equal(["schedule.changed"]);

      one.pass(HOUR + 5);
      await one.step(conversationId);
      const seen = await look.seenOf(conversationId, app);
      expect(seen).to.deep.include({
        standing: "participant",
        listed: [conversationId],
        total: 1,
        messages: ["you matched", "say hello"],
        views: 1,
        found: 1,
      });
      expect(seen.conversation).to.deep.include({ createdAt: opensAt + 5, unreadCount: 2, messageCount: 2 });
      expect(seen.conversation).not.to.have.property("lifecycle");
      expect(one.eventsOf(conversationId)).to.deep.equal([
        "schedule.changed",
        "conversation.created",
        "message.created",
        "message.created",
        "conversation.opened",
      ]);
      expect(await look.lifecycleOf(conversationId, app)).to.deep.equal({
        state: "open",
        steps: [{ step: "open", state: "done", at: opensAt + 5 }],
      });
    });

    it("is there to no user who tries by its id, and says so to its backend only", async () => {
      const one = lifetime(stores);
      const { app, deps } = one;
      const { conversation } = await one.create({ terms: terms({ opensAt: one.now() + HOUR }) });
      const { conversationId = "" } = conversation ?? {};
      expect(await one.send(conversationId)).to.equal("not_found");
      expect(await one.send(conversationId, { authority: "backend" })).to.equal("conversation_closed");
      const change = { conversationId, actor: ann, changes: [], limits: limits() };
      const read = { conversationId, userId: ann, position: null, at: 1 };
      const refused = [
        await changeConversation(deps)(aDelivery(change, { app })),
        await deleteConversation(deps)(aDelivery({ conversationId, actor: ann }, { app })),
        await clearConversation(deps)(aDelivery({ conversationId, userId: ann, leave: true }, { app })),
      ];
      expect(refused.map((outcome) => outcome.kind === "refuse" && outcome.error.code)).to.deep.equal(
        refused.map(() => "not_found"),
      );
      expect(await refusalOf(markAllRead(deps)(aDelivery(read, { app })))).to.equal("not_found");
      const content = {
        contentId: conversationId,
        conversationId,
        owner: null,
        mimeType: "a/b",
        size: 1,
        origin: null,
      };
      expect(await createContent(deps)(aDelivery(content, { app }))).to.have.nested.property(
        "error.code",
        "conversation_closed",
      );
      // And once it has been deleted unopened, it never was.
      await deleteConversation(deps)(aDelivery({ conversationId, actor: null }, { app }));
      expect(await look.seenOf(conversationId, app)).to.deep.equal(NOTHING);
      expect(await one.send(conversationId)).to.equal("not_found");
      expect(await one.send(conversationId, { authority: "backend" })).to.equal("object_deleted");
      expect(await refusalOf(markAllRead(deps)(aDelivery(read, { app })))).to.equal("not_found");
      for (const outcome of [
        await changeConversation(deps)(aDelivery(change, { app })),
        await clearConversation(deps)(aDelivery({ conversationId, userId: ann, leave: true }, { app })),
        await createContent(deps)(aDelivery({ ...content, owner: ann }, { app })),
      ]) {
        expect(outcome.kind === "refuse" && outcome.error.code).to.equal("not_found");
      }
      while (await purgeSlice(stores));
      expect(await look.seenOf(conversationId, app)).to.deep.equal(NOTHING);
      expect(one.eventsOf(conversationId)).to.deep.equal(["schedule.changed", "schedule.canceled"]);
    });

    it("has happened once, wherever the process died and however often its command comes", async () => {
      const iceBreaker = [saying("one"), saying("two")];
      for (let died = 0; died < 5; died += 1) {
        const one = lifetime(stores);
        const { conversation } = await one.create({ terms: terms({ opensAt: one.now() + 1, iceBreaker }) });
        const { conversationId = "" } = conversation ?? {};
        one.pass(5);
        const command = await one.stepOf(conversationId);
        for (let taken = 0; taken < died; taken += 1) {
          one.failNext(new Error("killed"));
          await one.take(command).catch(() => undefined);
        }
        one.pass(5);
        await one.take(command);
        await one.take(command);
        expect((await look.seenOf(conversationId, one.app)).messages).to.deep.equal(["one", "two"]);
        const ids = one.events.map(({ id }) => id);
        expect(new Set(ids).size, "every event under one id").to.equal(5);
        const opened = one.events.filter(
          ({ type }) => type.includes("opened") || type.includes("conversation.created"),
        );
        expect(
          new Set(opened.map(({ payload, subjectVersion }) => JSON.stringify([payload, subjectVersion]))).size,
        ).to.equal(2);
        expect(await look.countDue(one.app)).to.equal(0);
      }
    });

    it("has in it who was added, and has never heard of who was removed or deleted before", async () => {
      const one = lifetime(stores);
      const { app, deps } = one;
      const { conversation } = await one.create({ terms: terms({ opensAt: one.now() + HOUR }) });
      const { conversationId = "" } = conversation ?? {};
      const changes = [
        { kind: "add-participant" as const, userId: cem },
        { kind: "remove-participant" as const, userId: bea },
      ];
      await changeConversation(deps)(aDelivery({ conversationId, actor: null, changes, limits: limits() }, { app }));
      expect(await look.seenOf(conversationId, app, cem)).to.deep.equal(NOTHING);
      await forgetParticipant(deps)(aDelivery({ conversationId, userId: ann, at: Date.now() + 1 }, { app }));
      one.pass(HOUR);
      await one.step(conversationId);
      expect(await look.seenOf(conversationId, app, cem)).to.deep.include({ standing: "participant", total: 1 });
      for (const userId of [ann, bea]) {
        expect(await look.seenOf(conversationId, app, userId)).to.deep.include({ standing: "stranger", total: 0 });
      }
      expect(one.eventsOf(conversationId)).to.deep.equal([
        "schedule.changed",
        "conversation.created",
        "conversation.opened",
      ]);
    });
  });

  describe("a window", () => {
    const closing = { ttlMs: DAY };
    const warning = { beforeMs: HOUR, message: saying("one hour left") };

    it("warns, closes for writing, and is deleted when its grace is over", async () => {
      const one = lifetime(stores);
      const { app } = one;
      const { conversation } = await one.create({ terms: terms({ closing, warning }) });
      const { conversationId = "", createdAt = 0 } = conversation ?? {};
      const messageId = aMessageId();
      expect(await one.send(conversationId, { messageId })).to.equal("sent");
      one.pass(DAY - HOUR);
      await one.stepAll(conversationId);
      expect((await look.seenOf(conversationId, app)).messages).to.deep.equal(["hi", "one hour left"]);
      expect(await one.send(conversationId)).to.equal("sent");

      one.pass(HOUR);
      // By the clock, before the step has been taken.
      expect(await one.send(conversationId)).to.equal("conversation_closed");
      one.pass(50);
      await one.stepAll(conversationId);
      for (const authority of ["backend", "user", "participant"] as const) {
        expect(await one.send(conversationId, { authority })).to.equal("conversation_closed");
      }
      const change = { kind: "append" as const, part: aPart() };
      const changed = aDelivery({ conversationId, messageId, change, maxParts: 9, at: one.now() }, { app });
      expect(await refusalOf(changeParts(one.deps)(changed))).to.equal("conversation_closed");
      expect(await look.seenOf(conversationId, app)).to.deep.include({ standing: "participant", total: 1 });
      expect(await look.lifecycleOf(conversationId, app)).to.deep.equal({
        state: "closed",
        steps: [
          { step: "open", state: "done", at: createdAt },
          { step: "warn", state: "done", at: createdAt + DAY - HOUR },
          { step: "close", state: "done", at: createdAt + DAY },
          { step: "delete", state: "pending", at: createdAt + DAY + HOUR },
        ],
      });

      one.pass(HOUR);
      await one.stepAll(conversationId);
      expect(await look.seenOf(conversationId, app)).to.deep.include({
        standing: "participant",
        conversation: null,
        total: 0,
      });
      expect(one.eventsOf(conversationId).filter((type) => type !== "message.created")).to.deep.equal([
        "conversation.created",
        "schedule.changed",
        "conversation.warned",
        "conversation.closed",
        "conversation.deleted",
      ]);
    });

    it("begins when it opens, however late that is", async () => {
      const one = lifetime(stores);
      const { conversation } = await one.create({ terms: terms({ opensAt: one.now() + HOUR, closing }) });
      const { conversationId = "" } = conversation ?? {};
      one.pass(3 * HOUR);
      await one.stepAll(conversationId);
      one.pass(DAY - 1);
      expect(await one.send(conversationId)).to.equal("sent");
      one.pass(1);
      expect(await one.send(conversationId)).to.equal("conversation_closed");
    });

    it("that ended while everything was down is gone through in its order, without a warning that is too late", async () => {
      const one = lifetime(stores);
      const opensAt = one.now() + HOUR;
      const { conversation } = await one.create({
        terms: terms({ opensAt, closing: { expiresAt: opensAt + 2 * HOUR }, warning, iceBreaker: [saying("hello")] }),
      });
      const { conversationId = "" } = conversation ?? {};
      one.pass(DAY);
      await one.stepAll(conversationId);
      expect(one.eventsOf(conversationId)).to.deep.equal([
        "schedule.changed",
        "conversation.created",
        "conversation.opened",
        "conversation.closed",
        "conversation.deleted",
      ]);
    });

    it("warns once, wherever the process died, and again of another moment", async () => {
      const one = lifetime(stores);
      const { conversation } = await one.create({ terms: terms({ closing, warning }) });
      const { conversationId = "" } = conversation ?? {};
      const overtaken = await one.stepOf(conversationId);
      await one.change(conversationId, { graceMs: DAY });
      one.pass(DAY - HOUR);
      const command = await one.stepOf(conversationId);
      one.failNext(new Error("killed"));
      await one.take(command).catch(() => undefined);
      await one.take(command);
      await one.take(command);
      expect((await look.seenOf(conversationId, one.app)).messages).to.deep.equal(["one hour left"]);
      one.pass(HOUR);
      // One command takes one step, its own: a late copy of another takes none.
      await one.take(overtaken);
      await one.take(command);
      expect(await look.lifecycleOf(conversationId, one.app)).to.have.property("state", "open");
      await one.change(conversationId, { closing: { ttlMs: 2 * DAY } });
      await one.stepAll(conversationId);
      one.pass(DAY - HOUR);
      await one.stepAll(conversationId);
      expect((await look.seenOf(conversationId, one.app)).messages).to.deep.equal(["one hour left", "one hour left"]);
    });
  });

  it("says what it begins with at once where it opens at once, also when its command comes again", async () => {
    const one = lifetime(stores);
    const creation = aDelivery(aCreation({ terms: terms({ iceBreaker: [saying("one"), saying("two")] }) }), {
      app: one.app,
    });
    one.failNext(new Error("killed"));
    await createConversation(one.deps)(creation).catch(() => undefined);
    const { conversation } = repliedBy(await createConversation(one.deps)(creation));
    expect(conversation).to.have.property("lastPosition", 2);
    expect(repliedBy(await createConversation(one.deps)(creation)).conversation).to.deep.equal(conversation);
    expect((await look.seenOf(creation.payload.conversationId, one.app)).messages).to.deep.equal(["one", "two"]);
  });

  it("shows who joins later what was said before, or only what follows, as it was asked for", async () => {
    for (const [visibleHistory, first, again] of [
      ["all", ["hi", "hi", "hi"], ["hi", "hi", "hi", "hi", "hi"]],
      ["from-joining", ["hi"], ["hi"]],
    ] as const) {
      const one = lifetime(stores);
      const { app, deps } = one;
      const { conversation } = await one.create({ terms: terms({ visibleHistory }) });
      const { conversationId = "" } = conversation ?? {};
      const change = (kind: "add-participant" | "remove-participant") =>
        changeConversation(deps)(
          aDelivery({ conversationId, actor: null, changes: [{ kind, userId: cem }], limits: limits() }, { app }),
        );
      await one.send(conversationId);
      await one.send(conversationId);
      // Her own row comes a moment later than the conversation's: what she sees is the same.
      one.failNext(new Error("killed"));
      await stores.db.collection("memberships").deleteOne({ app, user: cem });
      await change("add-participant").catch(() => undefined);
      await stores.db.collection("memberships").deleteOne({ app, user: cem });
      expect((await look.seenOf(conversationId, app, cem)).messages).to.have.lengthOf(visibleHistory === "all" ? 2 : 0);
      await one.send(conversationId);
      const seen = await look.seenOf(conversationId, app, cem);
      expect(seen.messages).to.deep.equal(first);
      expect(seen.conversation).to.have.property("messageCount", first.length);
      expect((await look.seenOf(conversationId, app, ann)).messages).to.have.lengthOf(3);

      await change("remove-participant");
      await one.send(conversationId);
      await change("add-participant");
      await one.send(conversationId);
      expect((await look.seenOf(conversationId, app, cem)).messages).to.deep.equal(again);
      await stores.db
        .collection("memberships")
        .updateOne({ app, user: cem }, { $set: { clearedThrough: 0, leftAt: 3 } });
      expect((await look.seenOf(conversationId, app, cem)).messages).to.deep.equal(again);
    }
  });
});
