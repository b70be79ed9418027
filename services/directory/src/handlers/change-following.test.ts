import { compareUserIds, UsersKnown } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { changeFollowing } from "./change-following.ts";
import { isFollowing, listFollowing } from "./followings.ts";

describe("changeFollowing, isFollowing and listFollowing", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("change-following");
  });
  after(() => stores[Symbol.asyncDispose]());

  const ann = aUserId(1);
  const aChange = (app: string, follow: string[], unfollow: string[], at: number) =>
    aDelivery({ userId: ann, follow, unfollow, at }, { app });
  const change = async (app: string, follow: string[], unfollow: string[], at: number) => {
    const { events, publisher } = recordingPublisher();
    const outcome = await changeFollowing({ ...stores, publisher })(aChange(app, follow, unfollow, at));
    return { outcome, events: events.filter(({ type }) => type !== UsersKnown.type) };
  };
  const page = async (app: string, limit = 500, after: string | null = null, withIdentities = false) => {
    const outcome = await listFollowing(stores)(aDelivery({ userId: ann, after, limit, withIdentities }, { app }));
    if (outcome.kind !== "reply") throw new Error(`the list was answered with ${outcome.kind}`);
    return outcome.reply;
  };
  const followed = async (app: string) => (await page(app)).following.map(({ userId }) => userId);

  it("follows and no longer follows, makes known whom she follows, and tells of what turned", async () => {
    const app = anAppId();
    await withIdentity(stores, app, ann);
    const { outcome, events } = await change(app, [aUserId(3), aUserId(2), aUserId(3)], [aUserId(4)], 10);
    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await followed(app)).to.deep.equal([aUserId(2), aUserId(3)]);
    expect(await stores.identities.findUnknown(app, userIds(4))).to.deep.equal([aUserId(4)]);
    expect(events.map(({ type, payload }) => [type, payload])).to.deep.equal([
      ["directory.following.changed.v1", { userId: ann, followed: [aUserId(2), aUserId(3)], unfollowed: [], at: 10 }],
    ]);

    const later = await change(app, [aUserId(2)], [aUserId(3)], 11);
    expect(await followed(app)).to.deep.equal([aUserId(2)]);
    expect(later.events).to.have.lengthOf(1);
    expect(later.events[0]).to.have.deep.property("payload", {
      userId: ann,
      followed: [],
      unfollowed: [aUserId(3)],
      at: 11,
    });
  });

  it("answers whether one user follows another, in one direction and one app", async () => {
    const app = anAppId();
    await withIdentity(stores, app, ann);
    await change(app, [aUserId(2)], [], 10);
    const ask = async (userId: string, other: string, inApp = app) =>
      isFollowing(stores)(aDelivery({ userId, followed: other }, { app: inApp }));
    expect(await ask(ann, aUserId(2))).to.deep.equal({ kind: "reply", reply: { isFollowing: true } });
    expect(await ask(aUserId(2), ann)).to.deep.equal({ kind: "reply", reply: { isFollowing: false } });
    expect(await ask(ann, aUserId(2), anAppId())).to.deep.equal({ kind: "reply", reply: { isFollowing: false } });
  });

  it("lists in the order of user ids, page by page, whatever characters they have", async () => {
    const app = anAppId();
    await withIdentity(stores, app, ann);
    const others = ["\u{1F600}", "\u{FFFD}", "$first", "a/b", "a", "ä", "Z"];
    await change(app, others, [], 10);
    const pages = [];
    for (let after: string | null = null; ;) {
      const { following, total } = await page(app, 3, after);
      expect(total).to.equal(7);
      pages.push(following.map(({ userId }) => userId));
      after = following.at(-1)?.userId ?? null;
      if (following.length < 3) break;
    }
    expect(pages.map(({ length }) => length)).to.deep.equal([3, 3, 1]);
    expect(pages.flat()).to.deep.equal(others.toSorted(compareUserIds));
  });

  it("shows identities where they are asked for and there", async () => {
    const app = anAppId();
    await withIdentity(stores, app, ann);
    const identity = await withIdentity(stores, app, aUserId(2));
    await change(app, [aUserId(2), aUserId(3)], [], 10);
    expect((await page(app, 500, null, true)).following).to.deep.equal([
      { userId: aUserId(2), identity },
      { userId: aUserId(3), identity: null },
    ]);
    expect((await page(app)).following[0]).to.have.property("identity", null);
  });

  it("lets the later of two steps hold, in whatever order they come", async () => {
    const app = anAppId();
    await withIdentity(stores, app, ann);
    await change(app, [], [aUserId(2)], 20);
    const late = await change(app, [aUserId(2)], [], 10);
    expect(await followed(app)).to.deep.equal([]);
    expect(late.events).to.deep.equal([]);
  });

  it("tells nobody of what was so already, and the same again when its command comes again", async () => {
    const app = anAppId();
    await withIdentity(stores, app, ann);
    await stores.identities.makeKnown(app, [aUserId(2), aUserId(3)], 1);
    const delivery = aChange(app, [aUserId(2), aUserId(3)], [], 10);
    const { outcome, events } = await afterFailedPublish(stores, changeFollowing, delivery);
    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(events[0]).to.have.deep.nested.property("payload.followed", [aUserId(2), aUserId(3)]);
    const { events: again, publisher } = recordingPublisher();
    await changeFollowing({ ...stores, publisher })(delivery);
    expect(again).to.deep.equal(events);
    expect((await change(app, [aUserId(2)], [], 11)).events).to.deep.equal([]);
  });

  it("refuses a user who is not known, and makes nobody known for her", async () => {
    const app = anAppId();
    const { outcome, events } = await change(app, [aUserId(2)], [], 10);
    expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(await stores.identities.findUnknown(app, [aUserId(2)])).to.deep.equal([aUserId(2)]);
    expect(events).to.deep.equal([]);
  });
});
