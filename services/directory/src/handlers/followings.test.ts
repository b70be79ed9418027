import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores } from "../../test/support.ts";
import { findFollowed, listFollowers } from "./followings.ts";

describe("who follows whom", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let app: string;
  before(async () => {
    stores = await openStores("followings");
  });
  after(() => stores[Symbol.asyncDispose]());
  beforeEach(() => {
    app = anAppId();
  });
  const take = (kind: "follow" | "unfollow", users: readonly string[], star: string, at: number, of = app) =>
    stores.followings.take(
      of,
      users.map((user) => ({ kind, user, followed: star })),
      at,
      "test",
    );
  async function followers(userId: string, after: string | null, limit = 100): Promise<readonly string[]> {
    const outcome = await listFollowers(stores)(aDelivery({ userId, after, limit }, { app }));
    if (outcome.kind !== "reply") throw new Error(`no reply: ${outcome.kind}`);
    return outcome.reply.followers;
  }
  async function followed(userId: string, others: readonly string[]): Promise<readonly string[]> {
    const outcome = await findFollowed(stores)(aDelivery({ userId, userIds: [...others] }, { app }));
    if (outcome.kind !== "reply") throw new Error(`no reply: ${outcome.kind}`);
    return outcome.reply.followed;
  }

  it("lists followers in order, page by page, without who no longer is one, or is one in another app", async () => {
    await take("follow", userIds(7), "star", 10);
    await take("unfollow", [aUserId(2), aUserId(4)], "star", 20);
    await take("follow", [aUserId(9)], "star", 10, anAppId());
    await take("follow", [aUserId(8)], "other", 10);
    const all = [1, 3, 5, 6, 7].map(aUserId);
    expect(await followers("star", null)).to.deep.equal(all);
    expect(await followers("star", null, 2)).to.deep.equal(all.slice(0, 2));
    expect(await followers("star", all[1] ?? "", 2)).to.deep.equal(all.slice(2, 4));
    expect(await followers("star", all[4] ?? "")).to.deep.equal([]);
    expect(await followers("nobody", null)).to.deep.equal([]);
  });

  it("finds which of some a user follows herself: that they follow her is another matter", async () => {
    await take("follow", ["ann"], "bob", 10);
    await take("follow", ["ann"], "cid", 10);
    await take("unfollow", ["ann"], "cid", 20);
    await take("follow", ["eve"], "ann", 10);
    await take("follow", ["ann"], "dan", 10, anAppId());
    expect(await followed("ann", ["bob", "cid", "dan", "eve", "ann", "nobody"])).to.deep.equal(["bob"]);
    expect(await followed("eve", ["ann"])).to.deep.equal(["ann"]);
  });
});
