import type { DeviceFields } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, anAndroid, anIphone, openStores, recordingPublisher } from "../../test/support.ts";
import { deviceRow, type DeviceRow } from "../domain/device.ts";
import { forgetUser } from "./forget-user.ts";
import { registerDevices } from "./register-devices.ts";

const registration = (app: string, userId: string, device: DeviceFields, at: number, deviceId = "phone") =>
  aDelivery({ userId, deviceId, device, at }, { app });

describe("forgetUser", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("forget-user");
  });
  after(() => stores[Symbol.asyncDispose]());

  const register = (...deliveries: ReturnType<typeof registration>[]) =>
    registerDevices({ ...stores, publisher: recordingPublisher().publisher })(deliveries);
  const forget = (app: string, userId: string, at: number) =>
    forgetUser({ ...stores, publisher: recordingPublisher().publisher })(aDelivery({ userId, at }, { app }));
  const tokensOf = async (app: string, userId: string) =>
    (await stores.devices.ofUser(app, userId)).map(({ token }) => token);
  const rowsAbout = (app: string, userId: string) =>
    stores.db.collection<DeviceRow>("devices").find({ app, userId }).toArray();

  it("removes all devices of the user, and of nobody else", async () => {
    const [app, other] = [anAppId(), anAppId()];
    await register(
      registration(app, "ann", anAndroid(1), 10),
      registration(app, "ann", anIphone(2), 11, "tablet/2"),
      registration(app, "ann/2", anAndroid(3), 12),
      registration(other, "ann", anAndroid(4), 13),
    );
    expect(await forget(app, "ann", 100)).to.deep.equal({ kind: "ack" });
    expect(await tokensOf(app, "ann")).to.deep.equal([]);
    expect(await tokensOf(app, "ann/2")).to.have.lengthOf(1);
    expect(await tokensOf(other, "ann")).to.have.lengthOf(1);
    const [left, ...more] = await rowsAbout(app, "ann");
    expect(more).to.deep.equal([]);
    expect(left, "what is kept of her says when, and nothing of her phones").to.have.all.keys(
      "_id",
      "app",
      "partition",
      "userId",
      "registeredAt",
      "by",
      "removedAt",
    );
  });

  it("lets no registration from before come back, whether it was there already or comes late", async () => {
    const app = anAppId();
    const known = registration(app, "ann", anAndroid(1), 10);
    await register(known);
    await forget(app, "ann", 100);
    await register(known);
    await register(registration(app, "ann", anAndroid(2), 99, "another phone"));
    await register(registration(app, "ann", anAndroid(3), 100));
    expect(await tokensOf(app, "ann")).to.deep.equal([]);
  });

  it("takes a newer registration, and keeps it when the deletion comes again", async () => {
    const app = anAppId();
    await register(registration(app, "ann", anAndroid(1), 10));
    await forget(app, "ann", 100);
    await register(registration(app, "ann", anAndroid(2), 101));
    await forget(app, "ann", 100);
    await forget(app, "ann", 50);
    await register(registration(app, "ann", anAndroid(3), 60, "another phone"));
    expect(await tokensOf(app, "ann")).to.deep.equal([anAndroid(2).token]);
  });

  it("tells how many there were before they go, and once more that they are gone", async () => {
    const app = anAppId();
    await register(registration(app, "ann", anAndroid(1), 10), registration(app, "ann", anIphone(2), 11, "tablet"));
    const taking = { app, subject: "a", all: { pushes: 9, hours: 1 }, now: 50, keptMs: 3_600_000 };
    await stores.caps.take({ ...taking, users: [{ userId: "ann", category: "offers", categoryCap: null }] });
    const delivery = aDelivery({ userId: "ann", at: 100 }, { app });
    const about = { userId: "ann", at: 100, step: "push-delivery" };
    const counts = { devices: 2, preferences: 0, counted_pushes: 1 };
    const { publisher: failing } = recordingPublisher({ failing: true });
    const failure = await forgetUser({ ...stores, publisher: failing })(delivery).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await tokensOf(app, "ann"), "nothing goes before it is told").to.have.lengthOf(2);

    const { commands, publisher } = recordingPublisher();
    await forgetUser({ ...stores, publisher })(delivery);
    expect(commands.map(({ payload }) => payload)).to.deep.equal([
      { ...about, counts, isDone: false },
      { ...about, counts: {}, isDone: true },
    ]);
    expect(await stores.caps.takenBy(app, "ann")).to.deep.equal([]);
  });

  it("frees the phone for its next user", async () => {
    const app = anAppId();
    await register(registration(app, "ann", anAndroid(1), 10));
    await forget(app, "ann", 100);
    await register(registration(app, "bob", anAndroid(1), 20));
    expect(await tokensOf(app, "bob")).to.have.lengthOf(1);
  });

  it("removes what a registration writes that was under way when she was forgotten", async () => {
    const app = anAppId();
    // As if the deletion had come between the look and the write of a registration, and its process had died then.
    await forget(app, "ann", 100);
    const written = deviceRow(app, "command", { userId: "ann", deviceId: "phone", device: anAndroid(1), at: 10 });
    await stores.db.collection<DeviceRow>("devices").insertOne(written);
    // The command comes again.
    await register(registration(app, "ann", anAndroid(1), 10));
    expect(await tokensOf(app, "ann")).to.deep.equal([]);
    expect(await rowsAbout(app, "ann")).to.have.lengthOf(1);
  });

  it("leaves nothing behind when registrations and the deletion run at once", async () => {
    const app = anAppId();
    const users = Array.from({ length: 20 }, (_, n) => `user-${n}`);
    await Promise.all(
      users.flatMap((userId, n) => [
        register(registration(app, userId, anAndroid(100 + n), 10)),
        forget(app, userId, 100),
        register(registration(app, userId, anIphone(200 + n), 11, "tablet")),
      ]),
    );
    expect((await Promise.all(users.map((userId) => tokensOf(app, userId)))).flat()).to.deep.equal([]);
  });
});
