import type { ConversationChange, GovernanceAct } from "@strata/contracts";
import { aUserId } from "@strata/testing";
import { expect } from "chai";
import { governing, mia, mona, olga, rosa } from "../../test/governing.ts";
import { aMessageId, refusalOf, repliedBy } from "../../test/messages.ts";
import { openStores } from "../../test/support.ts";

const MINUTE = 60_000;
const add = (userId: string): ConversationChange => ({ kind: "add-participant", userId });
const remove = (userId: string): ConversationChange => ({ kind: "remove-participant", userId });
const setTopic: ConversationChange = { kind: "set-metadata", path: ["topic"], value: "boats" };
const mute = (userId: string, until: number | null = null): GovernanceAct => ({
  kind: "mute",
  userId,
  until,
  reason: "spam",
});
const ban = (userId: string, expiresAt: number | null = null): GovernanceAct => ({
  kind: "ban",
  userId,
  expiresAt,
  reason: null,
});
const freeze: GovernanceAct = { kind: "freeze", reason: "calm down" };

describe("governConversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("govern-conversation");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** Everything that a user may do to others, by a fresh conversation each, as far as it is refused. */
  const refusalsOf = async (actor: string, changed: Parameters<ReturnType<typeof governing>["conversation"]>[0]) => {
    const home = governing(stores);
    const row = () => home.conversation(changed);
    const messageOf = async (author: string) => {
      const made = await row();
      const messageId = aMessageId();
      await home.send(made, author, { messageId, authority: "backend" });
      return home.deleteMessage(made, messageId, actor);
    };
    return {
      send: await home.send(await row(), actor),
      later: await home.schedule(await row(), actor),
      metadata: await home.change(await row(), [setTopic], actor),
      add: await home.change(await row(), [add(aUserId(9))], actor),
      removeMember: await home.change(await row(), [remove(actor === mia ? rosa : mia)], actor),
      removeModerator: await home.change(await row(), [remove(mona)], actor),
      leave: await home.change(await row(), [remove(actor)], actor),
      deleteOwn: await messageOf(actor),
      deleteOthers: await messageOf(actor === mia ? rosa : mia),
      deleteOwners: await messageOf(olga),
      deleteAll: await home.remove(await row(), actor),
      mute: await home.act(await row(), mute(actor === mia ? rosa : mia), actor),
      muteOwner: await home.act(await row(), mute(olga), actor),
      ban: await home.act(await row(), ban(actor === mia ? rosa : mia), actor),
      freeze: await home.act(await row(), freeze, actor),
      promote: await home.act(await row(), { kind: "set-role", userId: rosa, role: "member" }, actor),
    };
  };
  const DONE = {
    send: "done",
    later: "done",
    metadata: "done",
    add: "done",
    removeMember: "done",
    removeModerator: "done",
    leave: "done",
    deleteOwn: "done",
    deleteOthers: "done",
    deleteOwners: "done",
    deleteAll: "done",
    mute: "done",
    muteOwner: "done",
    ban: "done",
    freeze: "done",
    promote: "done",
  };
  const readOnly = "access_denied read_only member";
  const moderators = "access_denied role moderator";
  const owners = "access_denied role owner";
  const frozen = "access_denied frozen moderator";
  const governs = { mute: moderators, muteOwner: moderators, ban: moderators, freeze: moderators, promote: owners };

  it("lets an owner do everything", async () => {
    expect(await refusalsOf(olga, {})).to.deep.equal(DONE);
  });

  it("lets a moderator do all but what touches owners and other moderators, gives roles, or deletes all of it", async () => {
    const refused = { deleteOwners: owners, muteOwner: owners, promote: owners, deleteAll: owners };
    // To remove herself is to leave.
    expect(await refusalsOf(mona, {})).to.deep.equal({ ...DONE, ...refused });
    const home = governing(stores);
    const second = await home.conversation();
    await home.act(second, { kind: "set-role", userId: mia, role: "moderator" });
    expect(await home.change(second, [remove(mia)], mona)).to.equal(owners);
    expect(await home.act(second, ban(mia), mona)).to.equal(owners);
  });

  it("lets a member talk and leave, where somebody governs", async () => {
    expect(await refusalsOf(mia, {})).to.deep.equal({
      ...DONE,
      ...governs,
      metadata: moderators,
      add: moderators,
      removeMember: moderators,
      removeModerator: moderators,
      deleteOthers: moderators,
      deleteOwners: moderators,
      deleteAll: owners,
    });
  });

  it("lets who is read-only take back what she said, and leave, and no more", async () => {
    expect(await refusalsOf(rosa, {})).to.deep.equal({
      ...governs,
      send: readOnly,
      later: readOnly,
      metadata: readOnly,
      add: readOnly,
      removeMember: readOnly,
      removeModerator: readOnly,
      leave: "done",
      deleteOwn: "done",
      deleteOthers: readOnly,
      deleteOwners: readOnly,
      deleteAll: readOnly,
    });
  });

  it("leaves a conversation of which nothing was said as it always was", async () => {
    expect(await refusalsOf(mia, { governance: undefined })).to.deep.equal({ ...DONE, ...governs });
  });

  it("lets those below a moderator write nothing while it is frozen, and who governs, and the backend, go on", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    const messageId = aMessageId();
    await home.send(row, mia, { messageId });
    expect(await home.act(row, freeze, mona)).to.equal("done");
    expect(await home.send(row, mia)).to.equal(frozen);
    expect(await home.schedule(row, mia)).to.equal(frozen);
    expect(await home.deleteMessage(row, messageId, mia)).to.equal(frozen);
    expect(await home.send(row, rosa)).to.equal(readOnly);
    for (const userId of [olga, mona]) expect(await home.send(row, userId)).to.equal("done");
    expect(await home.send(row, mia, { authority: "backend" })).to.equal("done");
    expect(await home.act(row, { kind: "unfreeze" }, olga)).to.equal("done");
    expect(await home.send(row, mia)).to.equal("done");
    // Of one that nobody governs, all are below.
    const plain = await home.plain();
    await home.act(plain, freeze);
    for (const change of [[setTopic], [add(aUserId(9))], [remove(olga)]]) {
      expect(await home.change(plain, change, mia)).to.equal(frozen);
    }
    expect(await home.remove(plain, mia)).to.equal(frozen);
    expect(await home.change(plain, [remove(mia)], mia)).to.equal("done");
  });

  it("lets who is muted send nothing until the moment, and again from then on without any step", async () => {
    const home = governing(stores);
    const row = await home.plain();
    await home.act(row, mute(mia, home.now() + MINUTE));
    home.pass(MINUTE - 1);
    expect(await home.send(row, mia)).to.equal("access_denied muted");
    expect(await home.schedule(row, mia)).to.equal("access_denied muted");
    expect(await home.send(row, olga)).to.equal("done");
    expect(repliedBy(await home.member(row, mia)).member?.mute).to.deep.include({ by: null, reason: "spam" });
    home.pass(1);
    expect(await home.send(row, mia)).to.equal("done");
    expect(repliedBy(await home.member(row, mia)).member?.mute).to.equal(null);
    expect(home.told().filter((name) => name.startsWith("member."))).to.deep.equal(["member.muted"]);
  });

  it("tells of every act once, with who did it, under one version", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    const about = { conversationId: row.conversationId, by: olga, at: home.now() };
    const acts: readonly [GovernanceAct, string, object][] = [
      [
        { kind: "set-role", userId: mia, role: "moderator" },
        "member.role_changed",
        { role: "moderator", previousRole: "member" },
      ],
      [mute(mia), "member.muted", { until: null, reason: "spam" }],
      [{ kind: "unmute", userId: mia }, "member.unmuted", {}],
      [freeze, "conversation.frozen", { reason: "calm down" }],
      [{ kind: "unfreeze" }, "conversation.unfrozen", {}],
      [ban(mia), "member.banned", { expiresAt: null, reason: null }],
      [{ kind: "unban", userId: mia }, "member.unbanned", {}],
    ];
    for (const [index, [act, name, more]] of acts.entries()) {
      const delivery = home.acting(row, act, olga);
      const before = home.events.length;
      const first = await home.govern(delivery);
      const told = home.events.slice(before).filter(({ type }) => !type.includes("participants"));
      expect(told.map(({ type, payload, subjectVersion }) => [type, payload, subjectVersion])).to.deep.equal([
        [
          `conversation.${name}.v1`,
          { ...about, ...("userId" in act ? { userId: mia } : {}), ...more },
          row.version + index + 1,
        ],
      ]);
      const after = home.events.length;
      expect(await home.govern(delivery), name).to.deep.equal(first);
      expect(await home.act(row, act, olga), name).to.equal("done");
      expect(home.events.length, name).to.equal(after);
    }
  });

  it("finishes on redelivery, or by whoever comes next, what broke off behind the row", async () => {
    const home = governing(stores);
    for (const isNext of [false, true]) {
      const row = await home.conversation();
      const delivery = home.acting(row, ban(mia));
      home.failNext(new Error("the broker is away"));
      expect(await home.govern(delivery).catch(() => "failed")).to.equal("failed");
      await stores.db.collection("bans").deleteMany({ app: home.app });
      await stores.db.collection("memberships").updateOne({ app: home.app, user: mia }, { $set: { leftAt: null } });
      const before = home.events.length;
      if (isNext) expect(await home.change(row, [add(mia)], null)).to.equal("user_banned");
      else expect(await home.govern(delivery)).to.have.nested.property("reply.ban.userId", mia);
      expect(await stores.bans.findBanned(home.app, row.conversationId, [mia], home.now())).to.deep.equal([mia]);
      expect(await stores.memberships.find(home.app, mia, row.conversationId)).to.have.property("leftAt", 0);
      expect(home.told().slice(before)).to.deep.equal(["participants.changed", "member.banned"]);
    }
  });

  it("answers her who gave her own role away the same when her command comes again", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    const delivery = home.acting(row, { kind: "set-role", userId: olga, role: "member" }, olga);
    const first = await home.govern(delivery);
    expect(first).to.have.nested.property("reply.member.role", "member");
    expect(await home.govern(delivery)).to.deep.equal(first);
    expect(home.events).to.have.lengthOf(1);
  });

  it("does nothing any more that comes when it is over", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    for (const act of [ban(mia, home.now() + MINUTE), mute(mia, home.now() + MINUTE)]) {
      const late = home.acting(row, act);
      home.pass(MINUTE);
      await home.govern(late);
    }
    expect(await home.rowOf(row)).to.deep.include({ version: row.version, participants: row.participants });
    expect(home.events).to.deep.equal([]);
  });

  it("bans: out at once, and in by nobody's hand until she is unbanned, or it ends by the clock", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    await home.act(row, ban(mia, home.now() + MINUTE), mona);
    expect((await home.rowOf(row)).participants).to.deep.equal([olga, mona, rosa]);
    expect(await home.send(row, mia)).to.equal("access_denied");
    const ways: readonly [ConversationChange[], string | null][] = [
      [[add(mia)], null],
      [[add(mia)], olga],
      [[remove(rosa), add(mia)], null],
      [[{ kind: "set-participants", userIds: [olga, mona, mia] }], null],
    ];
    for (const [changes, actor] of ways) expect(await home.change(row, changes, actor)).to.equal("user_banned");
    expect(await home.change(row, [add(mia), remove(mia)], null)).to.equal("done");
    expect((await home.rowOf(row)).participants).to.deep.equal([olga, mona, rosa]);
    home.pass(MINUTE);
    expect(await home.change(row, [add(mia)], null)).to.equal("done");

    await home.act(row, ban(mia));
    expect(await home.change(row, [add(mia)], null)).to.equal("user_banned");
    await home.act(row, { kind: "unban", userId: mia });
    expect((await home.rowOf(row)).participants).not.to.include(mia);
    expect(await home.change(row, [add(mia)], null)).to.equal("done");
  });

  it("bans who never was in it too, makes her known, and names her where she is refused", async () => {
    const home = governing(stores);
    const row = await home.plain();
    const stranger = aUserId(9);
    await home.act(row, ban(stranger));
    expect(home.named).to.deep.equal([[stranger]]);
    expect(home.told()).to.deep.equal(["member.banned"]);
    const changing = home.change(row, [add(stranger)], null);
    expect(await changing).to.equal("user_banned");
    expect(await refusalOf(home.ban(row, stranger, olga))).to.equal("access_denied");
  });

  it("leaves to the backend what it imposed", async () => {
    const home = governing(stores);
    const acts: GovernanceAct[] = [
      { kind: "unmute", userId: mia },
      mute(mia, home.now() + 1),
      { kind: "unfreeze" },
      { kind: "freeze", reason: null },
      { kind: "unban", userId: rosa },
      ban(rosa, home.now() + 1),
    ];
    for (const act of acts) {
      const row = await home.conversation();
      for (const imposed of [mute(mia), freeze, ban(rosa)]) await home.act(row, imposed);
      expect(await home.act(row, act, olga), act.kind).to.equal("access_denied imposed_by_backend");
      expect(await home.act(row, act), act.kind).to.equal("done");
    }
  });

  it("takes what gives power from who leaves, keeps what restricts her, and stays governed", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    await home.act(row, mute(rosa));
    for (const userId of [olga, mona, rosa]) await home.change(row, [remove(userId)], userId);
    expect(await home.change(row, [setTopic], mia)).to.equal(moderators);
    for (const userId of [olga, mona, rosa]) await home.change(row, [add(userId)], null);
    const { members } = repliedBy(await home.members(row));
    expect(members?.map(({ userId, role, mute: muted }) => [userId, role, muted !== null])).to.deep.equal([
      [olga, "member", false],
      [mona, "member", false],
      [mia, "member", false],
      [rosa, "read-only", true],
    ]);
    // Who takes the last role says that nobody shall govern it.
    await home.act(row, { kind: "set-role", userId: mona, role: "moderator" });
    await home.act(row, { kind: "set-role", userId: mona, role: "member" });
    expect(await home.change(row, [setTopic], mia)).to.equal("done");
  });

  it("refuses what is about nobody in it, nothing that is there, and what was deleted", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    const stranger = aUserId(9);
    expect(await home.act(row, { kind: "set-role", userId: stranger, role: "owner" })).to.equal("not_found");
    expect(await home.act(row, mute(stranger))).to.equal("not_found");
    expect(await home.act(row, { kind: "unmute", userId: stranger })).to.equal("not_found");
    expect(await home.act(row, freeze, stranger)).to.equal("not_found");
    expect(await home.act({ ...row, conversationId: aMessageId() }, freeze)).to.equal("not_found");
    expect(await governing(stores).act(row, freeze)).to.equal("not_found");
    await home.change(row, [remove(mona)], null);
    expect(await home.act(row, freeze, mona)).to.equal("access_denied");
    await home.remove(row, null);
    expect(await home.act(row, freeze)).to.equal("object_deleted");
  });
});
