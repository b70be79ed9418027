import { randomUUID } from "node:crypto";
import type { DeviceFields } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, anAndroid, anIphone, openStores, recordingPublisher } from "../../test/support.ts";
import type { DeviceRow } from "../domain/device.ts";
import { getDevice } from "./get-device.ts";
import { registerDevices } from "./register-devices.ts";
import { removeDevice } from "./remove-device.ts";

const registration = (app: string, userId: string, device: DeviceFields, at: number, deviceId = "phone") =>
  aDelivery({ userId, deviceId, device, at }, { app });
const removal = (app: string, userId: string, at: number, deviceId = "phone") =>
  aDelivery({ userId, deviceId, token: "whatever it was", at }, { app, id: randomUUID() });

describe("removeDevice", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("remove-device");
  });
  after(() => stores[Symbol.asyncDispose]());

  const register = (...deliveries: ReturnType<typeof registration>[]) =>
    registerDevices({ ...stores, publisher: recordingPublisher().publisher })(deliveries);
  const remove = async (delivery: ReturnType<typeof removal>, told = recordingPublisher()) => {
    const outcome = await removeDevice({ ...stores, publisher: told.publisher })(delivery);
    expect(outcome).to.deep.equal({ kind: "ack" });
    return told.events.map(({ type, payload, subjectVersion }) => [type, payload, subjectVersion]);
  };
  const tokensOf = async (app: string, userId: string) =>
    (await stores.devices.ofUser(app, userId)).map(({ token }) => token);
  const shown = async (app: string, userId: string) => {
    const outcome = await getDevice(stores)(aDelivery({ userId, deviceId: "phone" }, { app }));
    return outcome.kind === "reply" ? outcome.reply : null;
  };

  it("removes this device of this user alone, keeps nothing of its address, and tells others", async () => {
    const app = anAppId();
    const webPushKeys = { p256dh: "key", auth: "secret" };
    await register(
      registration(app, "ann", anAndroid(1, { webPushKeys }), 10),
      registration(app, "ann", anIphone(2), 11, "tablet"),
      registration(app, "bob", anAndroid(3), 12),
    );
    expect(await remove(removal(app, "ann", 100))).to.deep.equal([
      ["push.device.removed.v1", { userId: "ann", deviceId: "phone", registeredAt: 100 }, 100],
    ]);
    expect(await tokensOf(app, "ann")).to.deep.equal([anIphone(2).token]);
    expect(await tokensOf(app, "bob")).to.have.lengthOf(1);
    const left = await stores.db.collection<DeviceRow>("devices").findOne({ app, userId: "ann", deviceId: "phone" });
    expect(left).to.not.have.any.keys("token", "webPushKeys");
    expect(left).to.include({ registeredAt: 100 });
  });

  it("shows a device as it is registered, and afterwards that there was one", async () => {
    const app = anAppId();
    expect(await shown(app, "ann")).to.deep.equal({ device: null, wasThere: false });
    await register(registration(app, "ann", anAndroid(1), 10));
    const device = { ...anAndroid(1), userId: "ann", deviceId: "phone", registeredAt: 10 };
    expect(await shown(app, "ann")).to.deep.equal({ device, wasThere: true });
    expect(await shown(anAppId(), "ann")).to.deep.equal({ device: null, wasThere: false });
    await remove(removal(app, "ann", 100));
    expect(await shown(app, "ann")).to.deep.equal({ device: null, wasThere: true });
  });

  it("lets no registration from before come back, neither one that was there nor one that is late", async () => {
    const app = anAppId();
    const known = registration(app, "ann", anAndroid(1), 10);
    await register(known);
    await remove(removal(app, "ann", 100));
    await register(known);
    // Of the same millisecond as the removal, under ids that sort before and behind its own.
    for (const n of [2, 4, 5, 6, 7, 8]) await register(registration(app, "ann", anAndroid(n), 100));
    // Nor where the removal comes first of all.
    await remove(removal(app, "bob", 100));
    await register(registration(app, "bob", anAndroid(3), 99));
    expect([await tokensOf(app, "ann"), await tokensOf(app, "bob")]).to.deep.equal([[], []]);
  });

  it("takes a newer registration, and keeps it when the removal comes again", async () => {
    const app = anAppId();
    await register(registration(app, "ann", anAndroid(1), 10));
    const first = removal(app, "ann", 100);
    await remove(first);
    await register(registration(app, "ann", anAndroid(1), 101));
    expect(await remove(first), "it ends nothing that holds").to.deep.equal([]);
    expect(await tokensOf(app, "ann")).to.deep.equal([anAndroid(1).token]);
  });

  it("frees the token for its next user, whose phone it stays", async () => {
    const app = anAppId();
    const ann = registration(app, "ann", anAndroid(1), 10);
    await register(ann);
    await remove(removal(app, "ann", 100));
    await register(registration(app, "bob", anAndroid(1), 200));
    await register(ann);
    await remove(removal(app, "ann", 300));
    expect(await tokensOf(app, "bob")).to.deep.equal([anAndroid(1).token]);
  });

  it("tells before it removes, so that a command that failed then tells it again", async () => {
    const app = anAppId();
    await register(registration(app, "ann", anAndroid(1), 10));
    const command = removal(app, "ann", 100);
    const away = recordingPublisher({ failing: true });
    const failure = await removeDevice({ ...stores, ...away })(command).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await tokensOf(app, "ann")).to.have.lengthOf(1);
    const [told, again] = [recordingPublisher(), recordingPublisher()];
    expect(await remove(command, told)).to.have.lengthOf(1);
    // Killed before it was acknowledged: the same event under the same id.
    await remove(command, again);
    expect(again.events).to.deep.equal(told.events);
  });

  it("leaves nothing behind when older registrations and removals run at once", async () => {
    const app = anAppId();
    const users = Array.from({ length: 30 }, (_, n) => `user-${n}`);
    await Promise.all(
      users.flatMap((userId, n) => [
        register(registration(app, userId, anAndroid(100 + n), 10)),
        remove(removal(app, userId, 100)),
        register(registration(app, userId, anAndroid(200 + n), 11)),
      ]),
    );
    expect((await Promise.all(users.map((userId) => tokensOf(app, userId)))).flat()).to.deep.equal([]);
  });
});
