import { aUserId } from "@strata/testing";
import { expect } from "chai";
import { governing, mia, mona, olga, rosa } from "../../test/governing.ts";
import { refusalOf, repliedBy } from "../../test/messages.ts";
import { openStores } from "../../test/support.ts";

describe("lists of members and of bans", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("list-members");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("have all participants by user id with role and mute, page by page, and those whom the filter lets through", async () => {
    const home = governing(stores);
    const row = await home.conversation({ participants: [rosa, mia, mona, olga] });
    await home.act(row, { kind: "mute", userId: mia, until: null, reason: null });
    const idsOf = async (more: object) => {
      const { members, total } = repliedBy(await home.members(row, more));
      return [members?.map(({ userId }) => userId) ?? null, total];
    };
    expect(await idsOf({})).to.deep.equal([[olga, mona, mia, rosa], 4]);
    expect(await idsOf({ limit: 2 })).to.deep.equal([[olga, mona], 4]);
    expect(await idsOf({ limit: 2, after: mona })).to.deep.equal([[mia, rosa], 4]);
    expect(await idsOf({ after: aUserId(9) })).to.deep.equal([null, 4]);
    expect(await idsOf({ role: "moderator" })).to.deep.equal([[mona], 1]);
    expect(await idsOf({ role: "member", isMuted: true })).to.deep.equal([[mia], 1]);
    expect(await idsOf({ isMuted: false })).to.deep.equal([[olga, mona, rosa], 3]);
    expect(repliedBy(await home.member(row, mia)).member).to.deep.equal({
      userId: mia,
      role: "member",
      mute: { at: home.now(), by: null, reason: null, until: null },
    });
    expect(repliedBy(await home.member(row, aUserId(9)))).to.deep.equal({ member: null });
  });

  it("are shown to participants, those of bans to moderators; to who has left, and to strangers, neither", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    for (const viewer of [olga, mona, mia, rosa])
      expect(repliedBy(await home.members(row, {}, viewer)).total).to.equal(4);
    for (const viewer of [olga, mona]) expect(repliedBy(await home.bans(row, {}, viewer)).total).to.equal(0);
    for (const viewer of [mia, rosa]) expect(await refusalOf(home.bans(row, {}, viewer))).to.equal("access_denied");
    await home.change(row, [{ kind: "remove-participant", userId: mia }], mia);
    for (const asked of [home.members(row, {}, mia), home.member(row, olga, mia), home.bans(row, {}, mia)]) {
      expect(await refusalOf(asked)).to.equal("access_denied");
    }
    const stranger = aUserId(9);
    await home.remove(row, null);
    for (const asked of [home.members(row, {}, stranger), home.ban(row, mia, stranger)]) {
      expect(await refusalOf(asked)).to.equal("not_found");
    }
    expect(await refusalOf(home.members(row, {}, olga))).to.equal("object_deleted");
    expect(await refusalOf(home.bans(row))).to.equal("object_deleted");
  });

  it("have who is banned by user id, page by page, until it ends; of this conversation of this app alone", async () => {
    const home = governing(stores);
    const row = await home.conversation();
    const other = governing(stores);
    // As long as it is about nobody else's: an id that begins like another.
    const names = ["a", "a/b", "b", "ä", "z"];
    for (const userId of names) {
      await home.act(row, { kind: "ban", userId, expiresAt: userId === "b" ? home.now() + 1_000 : null, reason: null });
    }
    await other.act(
      await other.conversation({ conversationId: row.conversationId, _id: `${other.app}/${row.conversationId}` }),
      {
        kind: "ban",
        userId: "foreign",
        expiresAt: null,
        reason: null,
      },
    );
    await home.act(await home.conversation(), { kind: "ban", userId: "elsewhere", expiresAt: null, reason: null });
    const idsOf = async (more: object = {}) => {
      const { bans, total } = repliedBy(await home.bans(row, more));
      return [bans?.map(({ userId }) => userId) ?? null, total];
    };
    expect(await idsOf()).to.deep.equal([["a", "a/b", "b", "z", "ä"], 5]);
    expect(await idsOf({ limit: 2, after: "a/b" })).to.deep.equal([["b", "z"], 5]);
    expect(await idsOf({ after: "c" })).to.deep.equal([null, 5]);
    home.pass(1_000);
    expect(await idsOf()).to.deep.equal([["a", "a/b", "z", "ä"], 4]);
    expect(repliedBy(await home.ban(row, "b"))).to.deep.equal({ ban: null });
    expect(repliedBy(await home.ban(row, "a")).ban).to.include({ userId: "a", by: null, expiresAt: null });
  });
});
