import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { blocking } from "../../test/messages.ts";
import { aConversationId, aDelivery, limits, namingUsers, openStores, recordingPublisher } from "../../test/support.ts";
import { createConversation } from "./create-conversation.ts";

const creation = (changed: Partial<Parameters<ReturnType<typeof createConversation>>[0]["payload"]> = {}) => ({
  conversationId: aConversationId(),
  participants: userIds(2),
  distinct: false,
  metadata: null,
  limits: limits(),
  ...changed,
});

describe("createConversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("create-conversation");
  });
  after(() => stores[Symbol.asyncDispose]());

  const handler = () => {
    const { events, publisher } = recordingPublisher();
    const { named, knownUsers } = namingUsers();
    return { events, named, handle: createConversation({ ...stores, ...blocking(), publisher, knownUsers }) };
  };

  it("creates it with its memberships, makes its participants known, and says so", async () => {
    const { events, named, handle } = handler();
    const app = anAppId();
    const payload = creation({ metadata: { topic: "boats", nested: { "a.b": "1", $c: "2" } } });
    const delivery = aDelivery(payload, { app });
    const outcome = await handle(delivery);

    expect(outcome).to.have.nested.property("reply.outcome", "created");
    expect(outcome)
      .to.have.nested.property("reply.conversation")
      .that.deep.includes({
        conversationId: payload.conversationId,
        participants: userIds(2),
        distinct: false,
        metadata: payload.metadata,
        version: 1,
        lastPosition: 0,
      });
    expect(named).to.deep.equal([userIds(2)]);
    const stored = await stores.conversations.find(app, payload.conversationId);
    expect(stored?.metadata).to.deep.equal(payload.metadata);
    const memberships = await stores.memberships.findOfUsers(app, payload.conversationId, userIds(3));
    expect([...memberships.keys()]).to.have.members(userIds(2));
    expect(memberships.get(aUserId(1))).to.deep.include({ leftAt: null, sortAt: stored?.createdAt, isHidden: false });
    expect(events).to.deep.equal([
      {
        type: "conversation.conversation.created.v1",
        app,
        payload: {
          conversationId: payload.conversationId,
          createdAt: stored?.createdAt,
          participants: userIds(2),
          distinct: false,
        },
        id: `${delivery.id}.conversation-created`,
        subjectVersion: 1,
      },
    ]);
  });

  it("keeps the order of participants, and each once", async () => {
    const { handle } = handler();
    const [first = "", second = ""] = userIds(2);
    const outcome = await handle(aDelivery(creation({ participants: [second, first, second] })));
    expect(outcome).to.have.nested.property("reply.conversation.participants").that.deep.equals([second, first]);
  });

  it("answers and publishes the same again when its command comes again", async () => {
    const { events, handle } = handler();
    const delivery = aDelivery(creation({ distinct: true }));
    const first = await handle(delivery);
    expect(await handle(delivery)).to.deep.equal(first);
    expect(events[1]).to.deep.equal(events[0]);
  });

  it("finishes on redelivery what broke off before its event", async () => {
    const { knownUsers } = namingUsers();
    const { publisher: failing } = recordingPublisher({ failing: true });
    const delivery = aDelivery(creation());
    const failure = await createConversation({ ...stores, ...blocking(), knownUsers, publisher: failing })(
      delivery,
    ).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    await stores.db.collection("memberships").deleteMany({ app: delivery.app });

    const { events, handle } = handler();
    expect(await handle(delivery)).to.have.nested.property("reply.outcome", "created");
    expect(events).to.have.lengthOf(1);
    const { conversationId } = delivery.payload;
    expect(await stores.memberships.findOfUsers(delivery.app, conversationId, userIds(2))).to.have.property("size", 2);
  });

  it("refuses the id of another command's conversation, and shows that one", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    const payload = creation();
    const first = await handle(aDelivery(payload, { app }));
    const second = await handle(aDelivery({ ...payload, metadata: { other: "yes" } }, { app }));
    expect(second).to.have.nested.property("reply.outcome", "in-use");
    expect(second).to.have.deep.nested.property(
      "reply.conversation",
      "reply" in first ? first.reply.conversation : undefined,
    );
    expect(events).to.have.lengthOf(1);
  });

  it("finds the distinct conversation of the same participants in any order, and publishes nothing", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    const first = await handle(aDelivery(creation({ distinct: true, metadata: { a: "1", b: "2" } }), { app }));
    const { conversation } = "reply" in first ? first.reply : { conversation: null };
    const participants = userIds(2).toReversed();
    for (const metadata of [null, { b: "2", a: "1" }]) {
      const delivery = aDelivery(creation({ distinct: true, participants, metadata }), { app });
      expect(await handle(delivery)).to.deep.equal({ kind: "reply", reply: { outcome: "found", conversation } });
      expect(await handle(delivery)).to.deep.equal({ kind: "reply", reply: { outcome: "found", conversation } });
      expect(await stores.conversations.find(app, delivery.payload.conversationId)).to.equal(null);
    }
    expect(events).to.have.lengthOf(1);
  });

  it("leaves a distinct conversation with other metadata as it is, and says conflict", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    await handle(aDelivery(creation({ distinct: true, metadata: { a: "1" } }), { app }));
    const outcome = await handle(aDelivery(creation({ distinct: true, metadata: { a: "2" } }), { app }));
    expect(outcome).to.have.nested.property("reply.outcome", "conflict");
    expect(outcome).to.have.deep.nested.property("reply.conversation.metadata", { a: "1" });
    expect(events).to.have.lengthOf(1);
  });

  it("creates another beside a distinct one where others take part, or where it need not be distinct", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    await handle(aDelivery(creation({ distinct: true }), { app }));
    await handle(aDelivery(creation({ distinct: true, participants: userIds(3) }), { app }));
    await handle(aDelivery(creation(), { app }));
    await handle(aDelivery(creation({ distinct: true }), { app: anAppId() }));
    expect(events).to.have.lengthOf(4);
  });

  it("makes one conversation of twenty distinct creations that race on several lanes", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => handle(aDelivery(creation({ distinct: true }), { app }))),
    );
    const replies = outcomes.map((outcome) => ("reply" in outcome ? outcome.reply : null));
    expect(replies.filter((one) => one?.outcome === "created")).to.have.lengthOf(1);
    expect(replies.filter((one) => one?.outcome === "found")).to.have.lengthOf(19);
    expect(new Set(replies.map((one) => one?.conversation?.conversationId))).to.have.property("size", 1);
    expect(events).to.have.lengthOf(1);
  });

  it("refuses what is beyond the app's limits, and stores nothing", async () => {
    const { events, named, handle } = handler();
    const crowd = aDelivery(creation({ participants: userIds(3), limits: limits({ maxParticipants: 2 }) }));
    expect(await handle(crowd)).to.have.deep.nested.property("error.details", { property: "participants" });
    const wordy = aDelivery(creation({ metadata: { a: "é" }, limits: limits({ maxMetadataBytes: 9 }) }));
    expect(await handle(wordy)).to.have.deep.nested.property("error.details", { property: "metadata" });
    expect([events, named]).to.deep.equal([[], []]);
    expect(await stores.conversations.find(crowd.app, crowd.payload.conversationId)).to.equal(null);
  });
});
