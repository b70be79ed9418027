import { type AnyCommand, ForgetParticipant } from "@strata/contracts";
import { aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { governing, mia, mona, olga, ROLES, rosa } from "../../test/governing.ts";
import { aCreation, lookingAt } from "../../test/lifetimes.ts";
import { repliedBy } from "../../test/messages.ts";
import { openStores } from "../../test/support.ts";
import { purgeSlice } from "../purge-deleted.ts";
import { createConversation } from "./create-conversation.ts";
import { forgetParticipant } from "./forget-participant.ts";
import { forgetUser } from "./forget-user.ts";
import { getConversation } from "./get-conversation.ts";
import { getUserConversation } from "./get-user-conversation.ts";
import { summariesOf } from "../message-summaries.ts";

const ban = (userId: string) => ({ kind: "ban", userId, expiresAt: null, reason: null }) as const;

describe("who governs a conversation, from its creation to its end", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("governance-lifetime");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("is said as it is created, once, whatever has become of it when the command comes again", async () => {
    const home = governing(stores);
    const roles = [...ROLES, { userId: mia, role: "member" as const }, { userId: aUserId(9), role: "owner" as const }];
    const delivery = home.deliver(aCreation({ participants: userIds(4), roles }));
    const create = createConversation(home.deps);
    const { conversation } = repliedBy(await create(delivery));
    expect(conversation?.roles).to.deep.equal(ROLES);
    const told = () => home.events.filter(({ type }) => type === "conversation.member.role_changed.v1");
    const { conversationId } = delivery.payload;
    const about = { conversationId, by: null, at: home.now(), previousRole: "member" };
    expect(told().map(({ payload, subjectVersion }) => [payload, subjectVersion])).to.deep.equal(
      ROLES.map((one) => [{ ...about, ...one }, 1]),
    );
    await home.act(await home.rowOf({ conversationId }), { kind: "set-role", userId: olga, role: "member" });
    const before = told();
    expect(repliedBy(await create(delivery)).conversation?.roles).to.deep.equal(ROLES.slice(1));
    expect(told().slice(before.length)).to.deep.equal(before.slice(0, ROLES.length));
  });

  it("leaves who makes one a member, and one that is found as it is", async () => {
    const home = governing(stores);
    const people = { participants: userIds(4), distinct: true };
    const create = createConversation(home.deps);
    const made = repliedBy(await create(home.deliver(aCreation({ ...people, creator: mia }))));
    expect(made.conversation).not.to.have.property("roles");
    const found = repliedBy(await create(home.deliver(aCreation({ ...people, roles: ROLES }))));
    expect([found.outcome, found.conversation?.roles]).to.deep.equal(["found", undefined]);
    const { governance } = await home.rowOf({ conversationId: String(made.conversation?.conversationId) });
    expect(governance).to.equal(undefined);
  });

  it("is shown with it to the backend, and to participants whether it is frozen", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    const { conversationId } = row;
    await home.act(row, { kind: "freeze", reason: "calm down" }, mona);
    const freeze = { at: home.now(), by: mona, reason: "calm down" };
    const { conversation } = repliedBy(await getConversation(stores)(home.deliver({ conversationId })));
    expect(conversation).to.deep.include({ roles: ROLES, freeze });
    const deps = { ...stores, summaries: summariesOf(stores.timelines) };
    const hers = repliedBy(await getUserConversation(deps)(home.deliver({ conversationId, userId: mia })));
    expect(hers.conversation).to.deep.include({ freeze }).and.not.to.have.property("roles");
  });

  it("is no more news to clients than it was: a conversation that opens later is banned from as any other", async () => {
    const home = governing(stores);
    const terms = {
      opensAt: home.now() + 1_000,
      iceBreaker: [],
      closing: null,
      graceMs: 0,
      warning: null,
      visibleHistory: "all" as const,
    };
    const delivery = home.deliver(aCreation({ participants: userIds(4), terms, roles: ROLES }));
    await createConversation(home.deps)(delivery);
    const row = await home.rowOf(delivery.payload);
    expect(await home.act(row, { kind: "freeze", reason: null }, olga)).to.equal("not_found");
    await home.act(row, ban(mia));
    expect(await home.change(row, [{ kind: "add-participant", userId: mia }], null)).to.equal("user_banned");
    expect(
      home.told().filter((name) => name.startsWith("participants") || name.startsWith("conversation")),
    ).to.deep.equal([]);
    expect(await lookingAt(stores).seenOf(row.conversationId, home.app, mia)).to.include({ standing: "stranger" });
  });

  it("forgets a deleted user's role, mute and ban, here and where she never was; not what was said of her since", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    const never = await home.conversation();
    const since = await home.conversation();
    await home.act(row, { kind: "mute", userId: rosa, until: null, reason: null });
    await home.act(never, ban(rosa));
    await stores.memberships.forget(home.app, rosa, never.conversationId);
    const at = home.now();
    home.pass(1);
    await home.act(since, ban(rosa));

    const commands: string[] = [];
    const publisher = {
      ...home.deps.publisher,
      async send({ type }: AnyCommand, _app: string, payload: unknown) {
        if (type === ForgetParticipant.type) commands.push(String(Object(payload)["conversationId"]));
      },
    };
    await forgetUser({ ...home.deps, publisher })(home.deliver({ userId: rosa, at }));
    expect(new Set(commands)).to.deep.equal(new Set([row, never, since].map((one) => one.conversationId)));
    const forget = forgetParticipant(home.deps);
    const forgetting = [row, never, since].map(({ conversationId }) =>
      home.deliver({ conversationId, userId: rosa, at }),
    );
    for (const delivery of [...forgetting, ...forgetting]) await forget(delivery);

    const { governance } = await home.rowOf(row);
    expect(governance?.roles).to.deep.equal(ROLES.slice(0, 2));
    expect(governance?.mutes).to.deep.equal([]);
    const bannedFrom = await Promise.all(
      [never, since].map(({ conversationId }) => stores.bans.findBanned(home.app, conversationId, [rosa], home.now())),
    );
    expect(bannedFrom).to.deep.equal([[], [rosa]]);
  });

  it("has who is banned forgotten, where she was deleted since the ban was asked for", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    const delivery = home.acting(row, ban(mia));
    home.pass(1);
    const at = home.now();
    await stores.forgottenUsers.add(home.app, mia, at);
    await home.govern(delivery);
    expect(home.commands.map(({ payload }) => payload)).to.deep.equal([
      { conversationId: row.conversationId, userId: mia, at },
    ]);
    await forgetParticipant(home.deps)(home.deliver({ conversationId: row.conversationId, userId: mia, at }));
    expect(await stores.bans.findBanned(home.app, row.conversationId, [mia], at)).to.deep.equal([]);
  });

  it("goes with the conversation", async () => {
    const home = governing(stores);
    const [gone, kept] = [await home.conversation(), await home.conversation()];
    for (const row of [gone, kept]) {
      for (const userId of [mia, "ben", "cem"]) {
        await home.act(row, ban(userId));
      }
    }
    await home.remove(gone, null);
    while (await purgeSlice(stores, 2));
    const left = await stores.db.collection("bans").find({ app: home.app }).toArray();
    expect(new Set(left.map((row) => String(row["conversation"])))).to.deep.equal(new Set([kept.conversationId]));
    expect(await home.rowOf(gone)).not.to.have.any.keys("governance", "lastChange");
    expect(await home.rowOf(kept)).to.have.property("governance");
  });
});
