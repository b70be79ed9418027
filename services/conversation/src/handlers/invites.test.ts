import { aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { HOUR, lookingAt, NOTHING, terms } from "../../test/lifetimes.ts";
import { aCode, inviting } from "../../test/invites.ts";
import { blocking, codeOf, refusalOf, repliedBy } from "../../test/messages.ts";
import { aDelivery, limits, openStores } from "../../test/support.ts";
import { purgeSlice } from "../purge-deleted.ts";
import { changeConversation } from "./change-conversation.ts";
import { MAX_PENDING_INVITES } from "./create-invite.ts";
import { deleteConversation } from "./delete-conversation.ts";
import { forgetUser } from "./forget-user.ts";
import { governConversation } from "./govern-conversation.ts";
import { listInvites } from "./list-invites.ts";

const [ann = "", bea = "", cem = "", dora = ""] = userIds(4);

const ids = (invites: readonly { readonly inviteId: string }[] | null) =>
  invites?.map(({ inviteId }) => inviteId) ?? null;

describe("an invite", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let look: ReturnType<typeof lookingAt>;
  before(async () => {
    stores = await openStores("invites");
    look = lookingAt(stores);
  });
  after(() => stores[Symbol.asyncDispose]());

  type Inviting = ReturnType<typeof inviting>;
  const leave = async ({ deps, app }: Inviting, conversationId: string, userId: string) =>
    changeConversation(deps)(
      aDelivery(
        {
          conversationId,
          actor: null,
          changes: [{ kind: "remove-participant" as const, userId }],
          limits: limits(),
        },
        { app },
      ),
    );
  const standing = async ({ app }: Inviting, conversationId: string, userId: string) =>
    (await look.seenOf(conversationId, app, userId)).standing;

  it("makes nobody a participant until she accepts it, and is told of step by step", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    const invite = await one.invite(conversationId, { userId: cem }, { inviter: ann, metadata: { title: "Rowing" } });
    expect(invite).to.deep.include({ userId: cem, code: null, state: "pending", uses: [], inviter: ann });
    expect(await look.seenOf(conversationId, one.app, cem)).to.deep.equal({ ...NOTHING, found: 1 });
    expect((await one.listFor(cem)).invites).to.deep.equal([invite]);

    const conversation = repliedBy(await one.accept(one.accepting(invite, cem)));
    expect(conversation.participants).to.deep.equal([ann, bea, cem]);
    expect(await look.seenOf(conversationId, one.app, cem)).to.deep.include({ standing: "participant", total: 1 });
    expect(await one.get(invite)).to.deep.include({ state: "accepted" });
    expect((await one.get(invite))?.uses.map(({ userId }) => userId)).to.deep.equal([cem]);
    expect(await one.listFor(cem)).to.deep.equal({ invites: [], total: 0 });
    expect(one.eventsOf(conversationId)).to.deep.equal([
      "conversation.created",
      "invite.created",
      "participants.changed",
      "invite.accepted",
    ]);
  });

  it("brings her in once, wherever the process died and however often the command comes", async () => {
    for (let died = 0; died < 3; died += 1) {
      const one = inviting(stores);
      const conversationId = await one.conversation();
      const command = one.accepting(await one.invite(conversationId, { userId: cem }), cem);
      for (let taken = 0; taken < died; taken += 1) {
        one.failNext(new Error("killed"));
        await one.accept(command).catch(() => undefined);
      }
      await one.accept(command);
      expect(repliedBy(await one.accept(command)).participants).to.deep.equal([ann, bea, cem]);
      const [invite] = (await one.list(conversationId)).invites ?? [];
      expect(invite?.uses).to.have.lengthOf(1);
      expect(new Set(one.events.map(({ id }) => id)).size).to.equal(4);
    }
  });

  it("brings nobody back who went after she accepted, when its command comes once more", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    const before = one.accepting(await one.invite(conversationId, { userId: cem }), cem);
    await one.accept(before);
    await leave(one, conversationId, cem);
    await one.accept(before);
    expect(await standing(one, conversationId, cem)).to.equal("left");

    // And so for her who was in it already as she accepted.
    const invite = await one.invite(conversationId, { userId: dora });
    const changes = [{ kind: "add-participant" as const, userId: dora }];
    const earlier = new Date(Date.now() - HOUR);
    await changeConversation(one.deps)(
      aDelivery({ conversationId, actor: null, changes, limits: limits() }, { app: one.app, sentAt: earlier }),
    );
    const wasIn = one.accepting(invite, dora);
    expect(repliedBy(await one.accept(wasIn)).participants).to.include(dora);
    expect(await one.get(invite)).to.have.property("state", "accepted");
    await leave(one, conversationId, dora);
    await one.accept(wasIn);
    expect(await standing(one, conversationId, dora)).to.equal("left");
  });

  it("by a code lets in as many as it may, each once, and nobody without it", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    const code = aCode();
    const invite = await one.invite(conversationId, { code, maxUses: 2 });
    expect(await one.get({ code }, cem)).to.deep.include({ inviteId: invite.inviteId, conversationId });
    expect([await one.get(invite, cem), await one.get({ code: aCode() }, cem)]).to.deep.equal([null, null]);
    await one.accept(one.accepting(invite, cem));
    // Who is in it takes no use of it.
    await one.accept(one.accepting(invite, cem));
    await one.accept(one.accepting(invite, ann));
    expect((await one.get(invite))?.uses).to.have.lengthOf(1);
    await one.accept(one.accepting(invite, dora));
    expect(codeOf(await one.accept(one.accepting(invite, aUserId(5))))).to.equal("object_deleted");
    expect(await one.get(invite)).to.have.property("state", "accepted");
    expect((await one.rowOf(conversationId)).participants).to.deep.equal([ann, bea, cem, dora]);
  });

  it("is over once it was declined, revoked, or has expired, and says which", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    const invites = {
      declined: await one.invite(conversationId, { userId: cem }),
      revoked: await one.invite(conversationId, { userId: dora }),
      expired: await one.invite(conversationId, { userId: aUserId(5) }, { expiresAt: one.now() + HOUR }),
    };
    await one.decline(invites.declined, cem);
    await one.decline(invites.declined, cem);
    await one.revoke(invites.revoked);
    await one.revoke(invites.revoked);
    one.pass(HOUR);
    for (const [state, invite] of Object.entries(invites)) {
      const outcome = await one.accept(one.accepting(invite, invite.userId ?? ""));
      expect(codeOf(outcome)).to.equal("object_deleted");
      expect(outcome).to.have.nested.property("error.message").that.includes(state);
      expect(await one.get(invite)).to.have.property("state", state);
      expect((await one.listFor(invite.userId ?? "")).total).to.equal(0);
    }
    expect(codeOf(await one.revoke(invites.declined))).to.equal("object_deleted");
    // She may be invited again.
    const again = await one.invite(conversationId, { userId: invites.expired.userId ?? "" });
    expect(again.state).to.equal("pending");
    expect(one.eventsOf(conversationId).filter((type) => type === "invite.declined")).to.have.lengthOf(2);
  });

  it("is hers alone: to others, and in other apps and conversations, it is not there", async () => {
    const [one, other] = [inviting(stores), inviting(stores)];
    const conversationId = await one.conversation();
    const elsewhere = await one.conversation();
    const invite = await one.invite(conversationId, { userId: cem });
    const refused = [
      await one.accept(one.accepting(invite, dora)),
      await one.decline(invite, dora),
      await one.accept(one.accepting({ ...invite, conversationId: elsewhere }, cem)),
      await one.revoke({ ...invite, conversationId: elsewhere }),
      await other.accept(other.accepting(invite, cem)),
      await other.revoke(invite),
    ];
    expect(refused.map(codeOf)).to.deep.equal(refused.map(() => "not_found"));
    expect([await one.get(invite, dora), await other.get(invite, cem)]).to.deep.equal([null, null]);
    expect(await one.list(conversationId, { viewer: dora })).to.deep.include({ standing: "stranger", invites: null });
    expect(codeOf(await one.revoke(invite, dora))).to.equal("not_found");
    expect((await one.list(conversationId, { viewer: ann })).invites).to.deep.equal([invite]);
    expect(await one.get(invite, cem)).to.have.property("state", "pending");
  });

  it("is refused for who takes part, twice for one user, and beyond what a conversation may have", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    const taking = await one.make(one.asking(conversationId, { userId: ann }));
    expect(taking).to.have.deep.nested.property("error.details", { property: "user_id" });
    const first = await one.invite(conversationId, { userId: cem });
    expect(repliedBy(await one.make(one.asking(conversationId, { userId: cem })))).to.deep.equal({
      outcome: "conflict",
      invite: first,
    });
    const rows = Array.from({ length: MAX_PENDING_INVITES }, (_, index) => ({
      _id: `${one.app}/many-${index}`,
      app: one.app,
      conversation: conversationId,
      state: "pending",
      expiresAt: null,
    }));
    await stores.db.collection<{ _id: string }>("invites").insertMany(rows);
    const beyond = await one.make(one.asking(conversationId, { userId: dora }));
    expect(beyond).to.have.deep.nested.property("error.details", { property: "invites" });
    await stores.db.collection("invites").deleteMany({ _id: { $in: rows.map(({ _id }) => Object(_id)) } });
  });

  it("takes nobody into a conversation that is full, or has closed, and is used by neither", async () => {
    const one = inviting(stores);
    const full = await one.conversation();
    const invite = await one.invite(full, { code: aCode(), maxUses: 5 });
    expect(await refusalOf(one.accept(one.accepting(invite, cem, 2)))).to.equal("invalid_property");
    expect((await one.get(invite))?.uses).to.deep.equal([]);

    const closing = await one.conversation({ terms: terms({ closing: { ttlMs: HOUR } }) });
    const late = await one.invite(closing, { userId: cem });
    one.pass(HOUR);
    expect(codeOf(await one.accept(one.accepting(late, cem)))).to.equal("conversation_closed");
    expect(codeOf(await one.make(one.asking(closing, { userId: dora })))).to.equal("conversation_closed");
    await one.stepAll(closing);
    expect(await one.get(late)).to.have.property("state", "expired");
  });

  it("to a conversation that opens later is heard of as it opens", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation({
      participants: [],
      invited: [cem],
      terms: terms({ opensAt: one.now() + HOUR }),
    });
    const invite = await one.invite(conversationId, { userId: dora });
    expect([await one.listFor(cem), await one.listFor(dora)]).to.deep.equal(
      [0, 0].map((total) => ({ invites: [], total })),
    );
    expect([await one.get(invite, dora), codeOf(await one.accept(one.accepting(invite, dora)))]).to.deep.equal([
      null,
      "not_found",
    ]);
    expect((await one.list(conversationId)).invites).to.have.lengthOf(2);
    one.pass(HOUR);
    const step = await one.stepOf(conversationId);
    await one.take(step);
    await one.take(step);
    const [hers] = (await one.listFor(cem)).invites ?? [];
    if (!hers) throw new Error("she was not invited");
    expect(repliedBy(await one.accept(one.accepting(hers, cem))).participants).to.deep.equal([cem]);
    const told = one.events.filter(({ type }) => type.includes("invite.created")).map(({ id }) => id);
    expect(new Set(told).size).to.equal(2);
  });

  it("with which a conversation is made is made once, and its people are no participants", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation({ participants: [ann], invited: [bea, cem, bea] });
    expect((await one.rowOf(conversationId)).participants).to.deep.equal([ann]);
    expect((await one.list(conversationId)).invites?.map(({ userId }) => userId)).to.have.members([bea, cem]);
    expect(one.eventsOf(conversationId)).to.deep.equal(["conversation.created", "invite.created", "invite.created"]);
  });

  it("by somebody whom she blocks is stored, and she never hears of it", async () => {
    const one = inviting(stores, blocking({ [ann]: [cem] }));
    const conversationId = await one.conversation();
    const invite = await one.invite(conversationId, { userId: cem }, { inviter: ann });
    expect(invite.state).to.equal("pending");
    expect([await one.listFor(cem), await one.get(invite, cem)]).to.deep.equal([{ invites: [], total: 0 }, null]);
    expect(codeOf(await one.accept(one.accepting(invite, cem)))).to.equal("not_found");
    expect(one.eventsOf(conversationId)).to.not.include("invite.created");
  });

  it("lets nobody in who is banned, and is not used up by her; nor is she invited", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    const own = await one.invite(conversationId, { userId: cem });
    const byCode = await one.invite(conversationId, { code: aCode(), maxUses: 5 });
    const act = { kind: "ban" as const, userId: cem, expiresAt: null, reason: null };
    await governConversation(one.deps)(aDelivery({ conversationId, actor: null, act }, { app: one.app }));
    for (const invite of [own, byCode]) {
      expect(await refusalOf(one.accept(one.accepting(invite, cem)))).to.equal("user_banned");
      expect(await one.get(invite)).to.deep.include({ state: "pending", uses: [] });
    }
    expect(await refusalOf(one.make(one.asking(conversationId, { userId: cem })))).to.equal("user_banned");
    expect((await one.rowOf(conversationId)).participants).to.deep.equal([ann, bea]);
  });

  it("is made, seen and taken back by owners and moderators only, where there are roles", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation({ roles: [{ userId: ann, role: "owner" }] });
    const invite = await one.invite(conversationId, { userId: cem }, { actor: ann, inviter: ann });
    expect(codeOf(await one.make(one.asking(conversationId, { userId: dora }, { actor: bea })))).to.equal(
      "access_denied",
    );
    expect(codeOf(await one.revoke(invite, bea))).to.equal("access_denied");
    expect(await one.get(invite, bea)).to.equal(null);
    const listing = { conversationId, viewer: bea, state: null, after: null, limit: 9 };
    expect(codeOf(await listInvites(one.deps)(aDelivery(listing, { app: one.app })))).to.equal("access_denied");
    expect((await one.list(conversationId, { viewer: ann })).invites).to.deep.equal([invite]);
    await one.revoke(invite, ann);
    expect(await one.get(invite)).to.have.property("state", "revoked");
  });

  it("ends with its conversation, and goes with it", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    const invite = await one.invite(conversationId, { userId: cem });
    await deleteConversation(one.deps)(aDelivery({ conversationId, actor: null }, { app: one.app }));
    expect(await one.listFor(cem)).to.deep.equal({ invites: [], total: 0 });
    expect([await one.get(invite), (await one.list(conversationId)).state]).to.deep.equal([null, "deleted"]);
    expect(codeOf(await one.accept(one.accepting(invite, cem)))).to.equal("object_deleted");
    while (await purgeSlice(stores));
    expect(await stores.db.collection("invites").countDocuments({ app: one.app })).to.equal(0);
  });

  it("goes with the user who is deleted, also one that she is named in just then", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    await one.invite(conversationId, { userId: cem });
    const byCode = await one.invite(conversationId, { code: aCode(), maxUses: 2 });
    await one.accept(one.accepting(byCode, cem));
    const late = one.asking(conversationId, { userId: cem });
    await leave(one, conversationId, cem);
    await forgetUser(one.deps)(aDelivery({ userId: cem, at: Date.now() + 1 }, { app: one.app }));
    await one.make(late);
    const { invites } = await one.list(conversationId);
    expect(invites?.map(({ userId, uses }) => [userId, uses[0]?.userId])).to.deep.equal([[null, null]]);
    expect(await stores.db.collection("invites").countDocuments({ app: one.app, user: cem })).to.equal(0);
  });

  it("is listed newest first, by state and page by page", async () => {
    const one = inviting(stores);
    const conversationId = await one.conversation();
    const made = [];
    for (const userId of [cem, dora, aUserId(5)]) {
      made.unshift(await one.invite(conversationId, { userId }, { expiresAt: one.now() + 2 * HOUR }));
      one.pass(HOUR / 2);
    }
    const [third, second, first] = made;
    if (!third || !second || !first) throw new Error("unreachable: three were made");
    expect(await one.list(conversationId, { limit: 2 })).to.deep.include({ total: 3, invites: [third, second] });
    const behind = await one.list(conversationId, { after: second.inviteId });
    expect(ids(behind.invites)).to.deep.equal([first.inviteId]);
    one.pass(HOUR / 2);
    await one.accept(one.accepting(second, dora));
    const listed = async (state: "pending" | "accepted" | "expired" | "declined") => {
      const { invites, total } = await one.list(conversationId, { state });
      expect(total).to.equal(invites?.length);
      return ids(invites);
    };
    expect(await listed("expired")).to.deep.equal([first.inviteId]);
    expect(await listed("accepted")).to.deep.equal([second.inviteId]);
    expect(await listed("pending")).to.deep.equal([third.inviteId]);
    expect(await listed("declined")).to.deep.equal([]);
    expect((await one.list(conversationId, { after: conversationId })).invites).to.equal(null);
    expect((await one.listFor(aUserId(5), second.inviteId)).invites).to.equal(null);
  });
});
