import type { ConversationChange } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import {
  aConversation,
  aConversationId,
  aDelivery,
  limits,
  namingUsers,
  openStores,
  recordingPublisher,
} from "../../test/support.ts";
import type { ConversationRow } from "../domain/conversation.ts";
import { changeConversation as applied } from "../domain/conversation-change.ts";
import { userView } from "../domain/visibility.ts";
import { changeConversation } from "./change-conversation.ts";

const [ann, bea, cem] = [aUserId(1), aUserId(2), aUserId(3)];
const add = (userId: string): ConversationChange => ({ kind: "add-participant", userId });
const remove = (userId: string): ConversationChange => ({ kind: "remove-participant", userId });
const setTopic = (value: string): ConversationChange => ({ kind: "set-metadata", path: ["topic"], value });

const aChange = (
  { app, conversationId }: { app: string; conversationId: string },
  changes: ConversationChange[],
  actor: string | null = null,
) => aDelivery({ conversationId, actor, changes, limits: limits() }, { app });

describe("changeConversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("change-conversation");
  });
  after(() => stores[Symbol.asyncDispose]());

  const handler = () => {
    const { events, publisher } = recordingPublisher();
    const { named, knownUsers } = namingUsers();
    return { events, named, handle: changeConversation({ ...stores, publisher, knownUsers }) };
  };

  it("changes who is in it and what it says of itself, and tells of both with one version", async () => {
    const { events, named, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    await stores.conversations.advance([{ ...row, position: 7, at: 9_000 }]);
    const delivery = aChange(row, [add(cem), remove(ann), setTopic("boats")]);
    const outcome = await handle(delivery);

    expect(outcome)
      .to.have.property("reply")
      .that.deep.includes({ participants: [bea, cem], metadata: { topic: "boats" }, version: 2, lastPosition: 7 });
    expect(named).to.deep.equal([[cem]]);
    const { conversationId } = row;
    const memberships = await stores.memberships.findOfUsers(row.app, conversationId, userIds(3));
    expect(memberships.get(ann)).to.include({ leftAt: 7 });
    expect(memberships.get(cem)).to.include({ leftAt: null, sortAt: 9_000, createdAt: row.createdAt });
    const at = memberships.get(cem)?.addedAt;
    expect(events.map(({ type, payload, subjectVersion }) => [type, payload, subjectVersion])).to.deep.equal([
      [
        "conversation.participants.changed.v1",
        { conversationId, added: [cem], removed: [ann], participants: [bea, cem], at },
        2,
      ],
      ["conversation.metadata.changed.v1", { conversationId, at }, 2],
    ]);
  });

  it("answers the same when its command comes again, and neither does nor says again what is done", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    const delivery = aChange(row, [add(cem), remove(ann), setTopic("boats")]);
    const first = await handle(delivery);
    expect(await handle(delivery)).to.deep.equal(first);
    expect(events).to.have.lengthOf(2);
    expect(await stores.conversations.find(row.app, row.conversationId)).to.have.property("version", 2);
    await stores.memberships.clear(row.app, cem, row.conversationId, { position: 0, by: "x" });
    expect(await handle(delivery)).to.deep.equal(first);
    expect(await stores.memberships.find(row.app, cem, row.conversationId)).to.have.property("isHidden", true);
  });

  it("finishes on redelivery what broke off before the memberships, also where she had left by her own change", async () => {
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    const delivery = aChange(row, [remove(ann), add(cem)], ann);
    const { knownUsers } = namingUsers();
    const { publisher: failing } = recordingPublisher({ failing: true });
    const failure = await changeConversation({ ...stores, knownUsers, publisher: failing })(delivery).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    const rows = stores.db.collection("memberships");
    await rows.deleteOne({ app: row.app, user: cem });
    await rows.updateOne({ app: row.app, user: ann }, { $set: { leftAt: null } });

    const { events, handle } = handler();
    expect(await handle(delivery)).to.have.deep.nested.property("reply.participants", [bea, cem]);
    expect(events).to.have.lengthOf(1);
    const memberships = await stores.memberships.findOfUsers(row.app, row.conversationId, userIds(3));
    expect(memberships.get(ann)).to.include({ leftAt: 0 });
    expect(memberships.get(cem)).to.include({ leftAt: null });
  });

  /** What a process leaves that dies when it has stored a change, before anything follows from it. */
  async function storeOnly(row: ConversationRow, { id, sentAt, payload }: ReturnType<typeof aChange>): Promise<void> {
    const after = applied(row, payload.changes, payload.limits, { by: id, at: sentAt.getTime() });
    if (after) await stores.conversations.change(row, after);
  }

  it("shows who was removed nothing that was said since, though what follows from it was done only later", async () => {
    const row = await aConversation(stores, anAppId(), [ann, bea], { lastPosition: 2 });
    const { app, conversationId } = row;
    const delivery = aChange(row, [remove(bea)]);
    await storeOnly(row, delivery);
    await stores.conversations.advance([{ app, conversationId, position: 3, at: 9_000 }]);
    const through = async () => {
      const conversation = await stores.conversations.find(app, conversationId);
      const membership = await stores.memberships.find(app, bea, conversationId);
      return conversation && membership && userView(conversation, membership).through;
    };
    expect(await through()).to.equal(2);
    await handler().handle(delivery);
    expect(await through()).to.equal(2);
    expect(await stores.memberships.find(app, bea, conversationId)).to.have.property("leftAt", 2);
  });

  it("does first what is left to do of the change before, whose command comes again only after it, or never", async () => {
    const { app, conversationId, ...rest } = await aConversation(stores, anAppId(), [ann, bea]);
    const row = { app, conversationId, ...rest };
    const first = aChange(row, [add(cem), remove(ann)]);
    await storeOnly(row, first);
    const { events, handle } = handler();
    await handle(aChange(row, [setTopic("boats")]));
    const memberships = await stores.memberships.findOfUsers(app, conversationId, userIds(3));
    expect(memberships.get(ann)).to.include({ leftAt: 0 });
    expect(memberships.get(cem)).to.include({ leftAt: null });
    expect(events.map(({ id, subjectVersion }) => [id, subjectVersion]).slice(0, 1)).to.deep.equal([
      [`${first.id}.participants-changed`, 2],
    ]);
    expect(await handle(first)).to.have.deep.nested.property("reply.participants", [bea, cem]);
    expect(events).to.have.lengthOf(2);
  });

  it("is not overtaken by a change that did not see what is left to do of it", async () => {
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    await storeOnly(row, aChange(row, [add(cem)]));
    const unfollowed = await stores.conversations.find(row.app, row.conversationId);
    expect(unfollowed).to.have.property("version", 2);
    const overtaking = unfollowed && storeOnly(unfollowed, aChange(row, [setTopic("boats")]));
    expect(await overtaking?.catch((error: unknown) => error)).to.be.instanceOf(Error);
    expect(await stores.conversations.find(row.app, row.conversationId)).to.deep.equal(unfollowed);
  });

  it("stores and says nothing where nothing would be other than before", async () => {
    const { events, named, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    expect(await handle(aChange(row, [add(ann), remove(cem)]))).to.have.nested.property("reply.version", 1);
    expect([events, named]).to.deep.equal([[], []]);
  });

  it("lets who comes back see the conversation in her list again, whatever she had cleared", async () => {
    const { handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    await stores.memberships.clear(row.app, ann, row.conversationId, { position: 3, by: "x" });
    await handle(aChange(row, [remove(ann)]));
    await handle(aChange(row, [add(ann)]));
    const membership = await stores.memberships.find(row.app, ann, row.conversationId);
    expect(membership).to.include({ leftAt: null, isHidden: false, clearedThrough: 3 });
  });

  it("makes a distinct conversation of other people free for the next of the former ones", async () => {
    const { handle } = handler();
    const app = anAppId();
    const distinct = { distinct: true, distinctKey: `${app}/key` };
    const row = await aConversation(stores, app, [ann, bea], distinct);
    expect(await handle(aChange(row, [add(cem)]))).to.have.nested.property("reply.distinct", false);
    const next = await aConversation(stores, app, [ann, bea], distinct);
    expect(await stores.conversations.find(app, next.conversationId)).to.include(distinct);
  });

  it("refuses as a whole what is beyond the app's limits, and stores nothing", async () => {
    const { events, named, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    const everybody: ConversationChange = { kind: "set-participants", userIds: userIds(251) };
    const outcome = await handle(aChange(row, [setTopic("boats"), everybody])).catch((error: unknown) => error);
    expect(outcome).to.have.deep.property("details", { property: "participants" });
    expect(outcome).to.have.property("code", "invalid_property");
    expect([events, named]).to.deep.equal([[], []]);
    expect(await stores.conversations.find(row.app, row.conversationId)).to.deep.include({ metadata: {}, version: 1 });
  });

  it("refuses what is not there or deleted, and users who are not in it or no longer", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    const row = await aConversation(stores, app, [ann, bea]);
    await handle(aChange(row, [remove(bea)]));
    const deleted = await aConversation(stores, app, [ann], { deletedAt: 2_000, deletedBy: "command" });
    const code = async (delivery: ReturnType<typeof aChange>) => {
      const outcome = await handle(delivery);
      return outcome.kind === "refuse" ? outcome.error.code : outcome.kind;
    };
    expect(await code(aChange({ app, conversationId: aConversationId() }, []))).to.equal("not_found");
    expect(await code(aChange({ ...row, app: anAppId() }, []))).to.equal("not_found");
    expect(await code(aChange(deleted, [], cem))).to.equal("object_deleted");
    expect(await code(aChange(row, [setTopic("boats")], cem))).to.equal("not_found");
    expect(await code(aChange(row, [setTopic("boats")], bea))).to.equal("access_denied");
    expect(await code(aChange(row, [setTopic("boats")], ann))).to.equal("reply");
    expect(events).to.have.lengthOf(2);
  });
});
