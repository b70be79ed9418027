import { ForgetParticipant, type PayloadOf, ReportDeletion } from "@strata/contracts";
import type { Publisher } from "@strata/messaging";
import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { blocking } from "../../test/messages.ts";
import {
  aConversation,
  aConversationId,
  aDelivery,
  insertMessages,
  limits,
  namingUsers,
  openStores,
  recordingPublisher,
} from "../../test/support.ts";
import { newMembership } from "../domain/membership.ts";
import { changeConversation } from "./change-conversation.ts";
import { createConversation } from "./create-conversation.ts";
import { forgetParticipant } from "./forget-participant.ts";
import { forgetUser } from "./forget-user.ts";

const [ann, bea] = [aUserId(1), aUserId(2)];

/** Keeps the commands that would have been sent. */
const recordingCommands = () => {
  const sent: { readonly id: string | undefined; readonly payload: PayloadOf<typeof ForgetParticipant> }[] = [];
  const publisher: Publisher = {
    ...recordingPublisher().publisher,
    async send(command, _app, payload, { id } = {}) {
      if (command.type === ReportDeletion.type) return;
      sent.push({ id, payload: ForgetParticipant.payload.parse(payload) });
    },
  };
  return { sent, publisher };
};

describe("forgetting a deleted user", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("forget-user");
  });
  after(() => stores[Symbol.asyncDispose]());

  const handler = () => {
    const { events, publisher } = recordingPublisher();
    return { events, handle: forgetParticipant({ ...stores, publisher }) };
  };

  it("asks each of her conversations, once each and under fixed ids, and nobody else's", async () => {
    const { sent, publisher } = recordingCommands();
    const app = anAppId();
    const one = await aConversation(stores, app, [bea]);
    const hers = Array.from({ length: 501 }, () => ({ ...one, conversationId: aConversationId() }));
    await stores.memberships.insertMissing(hers.map((row) => newMembership(row, ann, 1_000)));
    await aConversation(stores, app, [bea, `${ann}/x`]);
    await aConversation(stores, anAppId(), [ann]);
    const [left] = hers;
    await stores.memberships.dismiss(app, left?.conversationId ?? "", [ann], 3);
    const delivery = aDelivery({ userId: ann, at: 5_000 }, { app });
    expect(await forgetUser({ ...stores, publisher })(delivery)).to.have.property("kind", "ack");

    const ids = hers.map(({ conversationId }) => conversationId).toSorted();
    expect(sent.map(({ payload }) => payload.conversationId)).to.deep.equal(ids);
    expect(sent[0]).to.deep.equal({
      id: `${delivery.id}.${ids[0]}`,
      payload: { conversationId: ids[0], userId: ann, at: 5_000 },
    });
    await forgetUser({ ...stores, publisher })(delivery);
    expect(sent.slice(501)).to.deep.equal(sent.slice(0, 501));
  });

  it("leaves nothing of her in conversations that she comes into while, or after, they are looked for", async () => {
    const app = anAppId();
    const { commands: all, publisher } = recordingPublisher();
    const forgettings = () => all.filter(({ type }) => type === ForgetParticipant.type);
    const { knownUsers } = namingUsers();
    const deps = { ...stores, ...blocking(), publisher, knownUsers };
    const row = await aConversation(stores, app, [bea]);
    const { conversationId } = row;
    const adding = (sentAt: Date) =>
      aDelivery(
        { conversationId, actor: null, changes: [{ kind: "add-participant" as const, userId: ann }], limits: limits() },
        { app, sentAt },
      );
    const creation = { participants: [ann, bea], distinct: false, metadata: null, limits: limits() };
    const creating = (sentAt: Date) => aDelivery({ ...creation, conversationId: aConversationId() }, { app, sentAt });
    const [before, after] = [new Date(5_000), new Date(5_001)];
    await forgetUser(deps)(aDelivery({ userId: ann, at: 5_000 }, { app }));
    expect(forgettings()).to.deep.equal([]);

    await changeConversation(deps)(adding(before));
    const late = creating(before);
    await createConversation(deps)(late);
    expect(forgettings().map(({ type, payload }) => [type, payload])).to.deep.equal(
      [conversationId, late.payload.conversationId].map((id) => [
        ForgetParticipant.type,
        { conversationId: id, userId: ann, at: 5_000 },
      ]),
    );
    for (const { payload } of forgettings()) {
      await forgetParticipant(deps)(aDelivery(ForgetParticipant.payload.parse(payload), { app }));
    }
    expect(await stores.memberships.conversationsOf(app, ann, null, 10)).to.deep.equal([]);

    await changeConversation(deps)(adding(after));
    await createConversation(deps)(creating(after));
    expect(forgettings()).to.have.lengthOf(2);
    expect(await stores.memberships.conversationsOf(app, ann, null, 10)).to.have.lengthOf(2);
  });

  it("tells what is about to go before anything does, and that all is gone once the last of it is", async () => {
    const app = anAppId();
    const rows = [await aConversation(stores, app, [ann, bea]), await aConversation(stores, app, [ann])];
    const refusal = {
      conversationId: aConversationId(),
      messageId: aConversationId(),
      sender: { userId: ann },
      rule: "swearing",
      hits: [],
      text: "damn",
    };
    const refused = (at: number) => ({ ...refusal, refusalId: aConversationId(), at });
    await stores.refusedMessages.insertMissing(app, [refused(4_000), refused(5_001)]);
    const delivery = aDelivery({ userId: ann, at: 5_000 }, { app });
    const { publisher: failing } = recordingPublisher({ failing: true });
    const failure = await forgetUser({ ...stores, publisher: failing })(delivery).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);

    const { commands, publisher } = recordingPublisher();
    const reports = () => commands.filter(({ type }) => type === ReportDeletion.type).map(({ payload }) => payload);
    const about = { userId: ann, at: 5_000, step: "conversation" };
    const none = { bans: 0, bans_imposed: 0, invites: 0, invites_made: 0, invite_uses: 0, membership_rules: 0 };
    const counted = { ...about, counts: { ...none, memberships: 2, refused_messages: 1 }, isDone: false };
    await forgetUser({ ...stores, publisher })(delivery);
    expect(reports()).to.deep.equal([counted]);
    expect(await stores.refusedMessages.countFromBefore(app, ann, 9_000), "of her next life").to.equal(1);
    const [first, last] = rows.map(({ conversationId }) =>
      aDelivery({ conversationId, userId: ann, at: 5_000 }, { app }),
    );
    if (!first || !last) throw new Error("two conversations");
    await forgetParticipant({ ...stores, publisher })(first);
    expect(reports()).to.deep.equal([counted]);
    await forgetParticipant({ ...stores, publisher })(last);
    // As if its process had died before it was acknowledged.
    await forgetParticipant({ ...stores, publisher })(last);
    const done = { ...about, counts: {}, isDone: true };
    expect(reports()).to.deep.equal([counted, done, done]);
  });

  it("takes her out of a conversation with all that was unread, tells the others, and she is a stranger", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea], { lastPosition: 3 });
    await insertMessages(stores.db, row, 3, [ann, bea]);
    const { app, conversationId } = row;
    const delivery = aDelivery({ conversationId, userId: ann, at: 5_000 }, { app });
    expect(await handle(delivery)).to.have.property("kind", "ack");

    expect(await stores.conversations.find(app, conversationId)).to.deep.include({ participants: [bea], version: 2 });
    expect(await stores.memberships.find(app, ann, conversationId)).to.equal(null);
    expect(await stores.db.collection("messages").countDocuments({ app, unread: ann })).to.equal(0);
    expect(await stores.db.collection("messages").countDocuments({ app, unread: bea })).to.equal(3);
    expect(events.map(({ payload }) => payload)).to.deep.equal([
      { conversationId, added: [], removed: [ann], participants: [bea], at: 5_000 },
    ]);
    await handle(delivery);
    expect(events).to.have.lengthOf(1);
  });

  it("finishes on redelivery what broke off before her membership was gone", async () => {
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    const { app, conversationId } = row;
    const delivery = aDelivery({ conversationId, userId: ann, at: 5_000 }, { app });
    const { publisher: failing } = recordingPublisher({ failing: true });
    const failure = await forgetParticipant({ ...stores, publisher: failing })(delivery).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    const { events, handle } = handler();
    await handle(delivery);
    expect(events).to.have.lengthOf(1);
    expect(await stores.memberships.find(app, ann, conversationId)).to.equal(null);
  });

  it("forgets her where she had left, and where the conversation is deleted or gone, without a word", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    const left = await aConversation(stores, app, [ann, bea], { participants: [bea] });
    const deleted = await aConversation(stores, app, [ann, bea], { deletedAt: 2_000, deletedBy: "command" });
    for (const { conversationId } of [left, deleted, { conversationId: aConversationId() }]) {
      const outcome = await handle(aDelivery({ conversationId, userId: ann, at: 5_000 }, { app }));
      expect(outcome).to.have.property("kind", "ack");
      expect(await stores.memberships.find(app, ann, conversationId)).to.equal(null);
    }
    expect(events).to.deep.equal([]);
  });

  it("leaves her in it who came after her deletion, under the same id", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea], { createdAt: 6_000 });
    const { app, conversationId } = row;
    await handle(aDelivery({ conversationId, userId: ann, at: 5_000 }, { app }));
    expect(await stores.conversations.find(app, conversationId)).to.deep.include({ participants: [ann, bea] });
    expect(events).to.deep.equal([]);
  });
});
