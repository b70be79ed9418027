import type { PresenceStatus } from "@strata/layer-protocol";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { openStores } from "../../test/support.ts";
import { type PresenceStore, redisPresenceStore, SOCKET_TTL_MS } from "./presence-store.ts";

const failed = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    () => "failed",
  );

describe("the presence of users", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let store: PresenceStore;
  let app: string;
  let time: number;
  before(async () => {
    stores = await openStores("presence-store");
  });
  after(() => stores[Symbol.asyncDispose]());
  beforeEach(() => {
    app = anAppId();
    time = 1_000_000;
    store = redisPresenceStore(stores.redis, () => time);
  });

  const socket = (userId: string, socketId = "s1") => ({ app, userId, socketId });
  const refresh = (userId: string, shownAs: PresenceStatus | null, socketId = "s1") =>
    store.refresh([{ ...socket(userId, socketId), shownAs }]);
  const of = async (userId = "ann") => (await store.of(app, [userId]))[0];
  const statusOf = async (userId = "ann") => (await of(userId))?.status;
  const forgetAll = async () => {
    const keys = await stores.redis.keys(`${stores.infra.redisPrefix}*`);
    // The client puts its prefix before each of them again.
    await stores.redis.del(keys.map((key) => key.slice(stores.infra.redisPrefix.length)));
  };

  it("is none before a socket has announced her, though she is there", async () => {
    await refresh("ann", null);
    expect(await of()).to.deep.equal({ status: "offline", lastSeenAt: null });
    expect(await store.online(app, ["ann", "bob"])).to.deep.equal(["ann"]);
    expect(await store.announce(socket("ann"), null)).to.equal("available");
    expect(await of()).to.deep.equal({ status: "available", lastSeenAt: 1_000_000 });
  });

  it("is what she chose, from whichever socket, and again the next time that she comes", async () => {
    await store.announce(socket("ann", "s1"), "busy");
    await store.announce(socket("ann", "s2"), null);
    expect(await statusOf()).to.equal("busy");
    await store.announce(socket("ann", "s2"), "away");
    expect(await statusOf()).to.equal("away");
    for (const id of ["s1", "s2"]) await store.remove(socket("ann", id));
    expect(await statusOf()).to.equal("offline");
    expect(await store.announce(socket("ann", "s3"), null)).to.equal("away");
    expect(await statusOf()).to.equal("away");
  });

  it("lasts while one of two sockets is there, and ends with the other", async () => {
    for (const id of ["s1", "s2"]) {
      await refresh("ann", null, id);
      await store.announce(socket("ann", id), null);
    }
    time += 5_000;
    await store.remove(socket("ann", "s1"));
    expect(await of()).to.deep.equal({ status: "available", lastSeenAt: 1_005_000 });
    expect(await store.online(app, ["ann"])).to.deep.equal(["ann"]);
    await store.remove(socket("ann", "s2"));
    expect(await statusOf()).to.equal("offline");
    expect(await store.online(app, ["ann"])).to.deep.equal([]);
  });

  it("ends where a process died without a word, and not while it says that it lives", async () => {
    await refresh("ann", null);
    await store.announce(socket("ann"), null);
    time += SOCKET_TTL_MS - 1;
    expect(await statusOf()).to.equal("available");
    await refresh("ann", "available");
    time += SOCKET_TTL_MS - 1;
    expect(await statusOf()).to.equal("available");
    expect(await store.online(app, ["ann"])).to.deep.equal(["ann"]);
    time += 2;
    expect(await statusOf()).to.equal("offline");
    expect(await store.online(app, ["ann"])).to.deep.equal([]);
    const ttl = await stores.redis.pttl(`presence:sockets:${app}:ann`);
    expect(ttl).to.be.within(1, SOCKET_TTL_MS);
  });

  it("is back with the next refresh where all of it was lost, also that she hides", async () => {
    await store.announce(socket("ann"), "busy");
    await store.announce(socket("bob"), "invisible");
    await forgetAll();
    expect(await statusOf()).to.equal("offline");
    await refresh("ann", "busy");
    await refresh("bob", "invisible");
    await refresh("cid", null);
    expect(await Promise.all(["ann", "bob", "cid"].map(statusOf))).to.deep.equal(["busy", "invisible", "offline"]);
    expect(await store.online(app, ["ann", "bob", "cid"])).to.deep.equal(["ann", "bob", "cid"]);
  });

  it("is not what another socket of hers had announced before", async () => {
    await store.announce(socket("ann", "s1"), "busy");
    await store.announce(socket("ann", "s2"), "away");
    await refresh("ann", "busy", "s1");
    expect(await statusOf()).to.equal("away");
  });

  it("does not say when she was here while she hides", async () => {
    await store.announce(socket("ann"), "available");
    time += 1_000;
    await store.announce(socket("ann"), "invisible");
    const hidden = { status: "invisible", lastSeenAt: 1_001_000 };
    expect(await of()).to.deep.equal(hidden);
    time += 60_000;
    await store.remove(socket("ann"));
    await store.announce(socket("ann", "s2"), null);
    expect(await of()).to.deep.equal(hidden);
    time += 60_000;
    await store.announce(socket("ann", "s2"), "available");
    expect(await of()).to.deep.equal({ status: "available", lastSeenAt: time });
  });

  it("is each app's own, and each user's, whatever their ids", async () => {
    const other = anAppId();
    await store.announce({ app: other, userId: "ann", socketId: "s" }, "busy");
    await store.announce(socket("a:b"), "away");
    await refresh("a:b", "away");
    expect((await store.of(app, ["ann", "a:b", "a", "b", ""])).map(({ status }) => status)).to.deep.equal([
      "offline",
      "away",
      "offline",
      "offline",
      "offline",
    ]);
    expect(await store.online(other, ["ann", "a:b"])).to.deep.equal([]);
    expect(await store.online(app, ["b", "a:b"])).to.deep.equal(["a:b"]);
  });

  it("fails where Redis does, rather than saying that nobody is there", async () => {
    await stores.redis.set(`presence:shown:${app}:ann`, "no set");
    await stores.redis.set(`presence:sockets:${app}:ann`, "no set");
    const works = [
      store.of(app, ["ann"]),
      store.online(app, ["ann"]),
      refresh("ann", null),
      store.remove(socket("ann")),
    ];
    expect(await Promise.all(works.map(failed))).to.deep.equal(["failed", "failed", "failed", "failed"]);
  });
});
