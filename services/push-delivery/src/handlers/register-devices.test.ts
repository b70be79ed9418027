import { randomUUID } from "node:crypto";
import { type DeviceFields, partitionOf } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import {
  aDelivery,
  anAndroid,
  anIphone,
  openStores,
  recordingPublisher,
  usersOfOnePartition,
} from "../../test/support.ts";
import { listDevices } from "./list-devices.ts";
import { registerDevices } from "./register-devices.ts";

const registration = (app: string, userId: string, device: DeviceFields, at = Date.now(), deviceId = "phone") =>
  aDelivery({ userId, deviceId, device, at }, { app });

const facts = (platform: string) => ({ deviceId: "phone", platform, locale: null, timeZone: null, appVersion: null });

describe("registerDevices", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("register-devices");
  });
  after(() => stores[Symbol.asyncDispose]());

  const register = (...deliveries: ReturnType<typeof registration>[]) =>
    registerDevices({ ...stores, publisher: recordingPublisher().publisher })(deliveries);
  const tokensOf = async (app: string, userId: string) => {
    const outcome = await listDevices(stores)(aDelivery({ userId }, { app }));
    return outcome.kind === "reply" ? outcome.reply.devices.map(({ token }) => token) : [];
  };

  it("stores a group, and answers and publishes each of it", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const group = [registration(app, "ann", anAndroid(1), 10), registration(app, "bob", anIphone(2), 11)];
    const outcomes = await registerDevices({ ...stores, publisher })(group);
    expect(outcomes).to.deep.equal([
      { kind: "reply", reply: { ...anAndroid(1), userId: "ann", deviceId: "phone", registeredAt: 10 } },
      { kind: "reply", reply: { ...anIphone(2), userId: "bob", deviceId: "phone", registeredAt: 11 } },
    ]);
    expect(events.map(({ type, payload, subjectVersion }) => [type, payload, subjectVersion])).to.deep.equal([
      ["push.device.registered.v1", { ...facts("android"), userId: "ann", registeredAt: 10 }, 10],
      ["push.device.registered.v1", { ...facts("ios"), userId: "bob", registeredAt: 11 }, 11],
    ]);
    expect(await tokensOf(app, "ann")).to.deep.equal([anAndroid(1).token]);
    expect(await tokensOf(app, "bob")).to.deep.equal([anIphone(2).token]);
  });

  it("answers and publishes the same again when a command comes again", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const delivery = registration(app, "ann", anAndroid(1));
    const handle = registerDevices({ ...stores, publisher });
    expect(await handle([delivery])).to.deep.equal(await handle([delivery]));
    expect(events[1]).to.deep.equal(events[0]);
    expect(await tokensOf(app, "ann")).to.have.lengthOf(1);
  });

  it("moves a token to the user who registered it last", async () => {
    const app = anAppId();
    await register(registration(app, "ann", anAndroid(1), 10));
    await register(registration(app, "bob", anAndroid(1), 20));
    expect(await tokensOf(app, "ann")).to.deep.equal([]);
    expect(await tokensOf(app, "bob")).to.deep.equal([anAndroid(1).token]);
  });

  it("never gives a token back to a former owner whose registration comes again", async () => {
    const app = anAppId();
    const ann = registration(app, "ann", anAndroid(1), 10);
    await register(ann);
    await register(registration(app, "bob", anAndroid(1), 20));
    await register(ann);
    expect(await tokensOf(app, "ann")).to.deep.equal([]);
    expect(await tokensOf(app, "bob")).to.deep.equal([anAndroid(1).token]);

    // Not even once the later owner has another token.
    await register(registration(app, "bob", anAndroid(2), 30));
    await register(ann);
    expect(await tokensOf(app, "ann")).to.deep.equal([]);
  });

  it("lets a user register again on a phone that was somebody else's meanwhile", async () => {
    const app = anAppId();
    await register(registration(app, "ann", anAndroid(1), 10));
    await register(registration(app, "bob", anAndroid(1), 20));
    await register(registration(app, "ann", anAndroid(1), 30));
    expect(await tokensOf(app, "ann")).to.deep.equal([anAndroid(1).token]);
    expect(await tokensOf(app, "bob")).to.deep.equal([]);
  });

  it("has one owner per token and every device with its newest token, after a crowd in parallel", async () => {
    const app = anAppId();
    const users = ["ann", "bob", "cid", "dee"];
    const all = Array.from({ length: 120 }, (_, n) =>
      registration(app, users[n % 4] ?? "", anAndroid(n % 7), 1_000 + n, `device-${n % 5}`),
    );
    // In groups as the ordered lanes have them: one group at a time per token, tokens beside each other.
    const byToken = [...Map.groupBy(all, ({ payload }) => payload.device.token).values()];
    await Promise.all(byToken.map((group) => register(...group)));
    const stored = (await Promise.all(users.map((userId) => stores.devices.ofUser(app, userId)))).flat();
    const newest = new Map<string, string>();
    for (const { payload } of all) newest.set(payload.device.token, `${payload.userId}/${payload.deviceId}`);
    for (const { userId, deviceId, token } of stored) expect(newest.get(token)).to.equal(`${userId}/${deviceId}`);
    expect(new Set(stored.map(({ token }) => token)).size).to.equal(stored.length);
  });

  it("takes equal tokens of two apps for two devices", async () => {
    const [one, other] = [anAppId(), anAppId()];
    await register(registration(one, "ann", anAndroid(1)), registration(other, "bob", anAndroid(1)));
    expect(await tokensOf(one, "ann")).to.have.lengthOf(1);
    expect(await tokensOf(one, "bob")).to.have.lengthOf(0);
    expect(await tokensOf(other, "bob")).to.have.lengthOf(1);
  });

  it("publishes on redelivery what could not be published before", async () => {
    const delivery = registration(anAppId(), "ann", anAndroid(1));
    const failing = recordingPublisher({ failing: true });
    const failure = await registerDevices({ ...stores, ...failing })([delivery]).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    const { events, publisher } = recordingPublisher();
    await registerDevices({ ...stores, publisher })([delivery]);
    expect(events).to.have.lengthOf(1);
  });

  it("tells before whose device a token is not any more, so that a command that failed then tells it again", async () => {
    const app = anAppId();
    await register(registration(app, "ann", anAndroid(1), 10));
    const takeover = registration(app, "bob", anAndroid(1), 20);
    const first = recordingPublisher();
    first.failNext(new Error("the broker is away"));
    const failure = await registerDevices({ ...stores, ...first })([takeover]).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await tokensOf(app, "ann")).to.have.lengthOf(1);
    const second = recordingPublisher();
    await registerDevices({ ...stores, ...second })([takeover]);
    expect(second.events.map(({ type, payload }) => [type, payload])).to.deep.equal([
      ["push.device.removed.v1", { userId: "ann", deviceId: "phone", registeredAt: 10 }],
      ["push.device.registered.v1", { ...facts("android"), userId: "bob", registeredAt: 20 }],
    ]);
  });

  it("finds the devices of a batch through its index, without looking at anybody else's", async () => {
    const app = anAppId();
    const users = usersOfOnePartition(40);
    await register(...users.map((userId, index) => registration(app, userId, anAndroid(index))));
    const partition = partitionOf(users[0] ?? "");
    const found = await stores.devices.ofUsers(app, partition, [...users.slice(0, 30), "nobody"]);
    expect(found.map(({ userId }) => userId)).to.have.members(users.slice(0, 30));
    const plan = await stores.db
      .collection("devices")
      .find({ app, partition, userId: { $in: users.slice(0, 30) }, token: { $exists: true } })
      .explain("executionStats");
    expect(plan).to.have.nested.property("executionStats.totalDocsExamined", 30);
  });

  it("forgets a dead token, unless it was registered again since", async () => {
    const app = anAppId();
    const [a, b, c, d] = [1, 2, 3, 4].map((n) => registration(app, `user-${n}`, anAndroid(n), 1_000));
    if (!a || !b || !c || !d) throw new Error("four registrations");
    await register(a, b, c, d);
    const dead = (n: number, deadSince: Date | null) => ({
      key: `${app}/${String(partitionOf(`user-${n}`)).padStart(2, "0")}/user-${n}/phone`,
      target: { userId: `user-${n}`, deviceId: "phone", token: anAndroid(n).token, registeredAt: 1_000 },
      deadSince,
    });
    // The second was registered again after it was sent to, the fourth with another token.
    await register(registration(app, "user-2", anAndroid(2), 2_000), registration(app, "user-4", anAndroid(44), 2_000));
    await stores.devices.removeDead([dead(1, null), dead(2, null), dead(3, new Date(900)), dead(4, null)]);
    const left = await Promise.all([1, 2, 3, 4].map((n) => tokensOf(app, `user-${n}`)));
    expect(left.map(({ length }) => length)).to.deep.equal([0, 1, 1, 1]);
    await stores.devices.removeDead([dead(3, new Date(1_001))]);
    expect(await tokensOf(app, "user-3")).to.deep.equal([]);

    // The registration of the dead token comes again: dead it stays. A new one lives.
    await register(a);
    expect(await tokensOf(app, "user-1")).to.deep.equal([]);
    await register(registration(app, "user-1", anAndroid(1), 3_000));
    expect(await tokensOf(app, "user-1")).to.have.lengthOf(1);
  });

  it("lists a user's devices, the newest first", async () => {
    const app = anAppId();
    const deviceIds = ["a", "b", "c"];
    for (const [index, deviceId] of deviceIds.entries()) {
      await register(registration(app, "ann", anIphone(index), 100 + index, deviceId));
    }
    const outcome = await listDevices(stores)(aDelivery({ userId: "ann" }, { app, id: randomUUID() }));
    expect(outcome).to.have.property("kind", "reply");
    expect(outcome.kind === "reply" && outcome.reply.devices.map(({ deviceId }) => deviceId)).to.deep.equal([
      "c",
      "b",
      "a",
    ]);
  });
});
