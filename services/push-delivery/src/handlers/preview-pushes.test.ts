import type { NotificationContent } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, anAndroid, anIphone, openStores, recordingPublisher } from "../../test/support.ts";
import { previewPushes } from "./preview-pushes.ts";
import { registerDevices } from "./register-devices.ts";

const ANNOUNCEMENT = "x".repeat(36);
const lengthOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

const registering = (owner: string, userId: string, deviceId: string, device: ReturnType<typeof anAndroid>) =>
  aDelivery({ userId, deviceId, device, at: 1 }, { app: owner });

describe("previewPushes", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("preview-pushes");
  });
  after(() => stores[Symbol.asyncDispose]());

  async function preview(app: string, userIds: string[], said: Readonly<Record<string, NotificationContent>> = {}) {
    const notices = Object.entries(said).map(([userId, notification]) => ({ userId, notification }));
    const answer = await previewPushes(stores)(aDelivery({ userIds, notices }, { app }));
    if (answer.kind !== "reply") throw new Error("not answered");
    return answer.reply;
  }

  it("names who has a device of this app, once each, with her platforms", async () => {
    const [app, other] = [anAppId(), anAppId()];
    const register = registerDevices({ ...stores, publisher: recordingPublisher().publisher });
    await register([
      registering(app, "ann", "phone", anAndroid(1)),
      registering(app, "ann", "tablet", anIphone(2)),
      registering(app, "bob", "phone", anIphone(3)),
      registering(other, "eve", "phone", anIphone(4)),
    ]);
    const { reachable, payloads } = await preview(app, ["ann", "bob", "eve", "ann"]);
    expect(reachable.toSorted((a, b) => (a.userId < b.userId ? -1 : 1))).to.deep.equal([
      { userId: "ann", platforms: ["android", "ios"] },
      { userId: "bob", platforms: ["ios"] },
    ]);
    expect(payloads).to.equal(null);
  });

  it("measures what a phone would get, byte by byte, with all that is ours in it", async () => {
    const { payloads } = await preview(anAppId(), [], { ä: { title: "Größe", text: "\u{1f600}" } });
    const data = { announcement_id: ANNOUNCEMENT, user_id: "ä" };
    const shown = { title: "Größe", body: "\u{1f600}" };
    expect(payloads).to.deep.equal({
      apns: {
        userId: "ä",
        bytes: lengthOf({ aps: { alert: shown }, strata: data }),
        limit: 4_096,
        fits: true,
        reason: null,
      },
      fcm: {
        userId: "ä",
        bytes: lengthOf({
          data: { ...data, collapse_id: ANNOUNCEMENT },
          notification: shown,
          android: { tag: ANNOUNCEMENT },
        }),
        limit: 4_096,
        fits: true,
        reason: null,
      },
    });
  });

  it("shows the longest of all, and before that one that would not be taken", async () => {
    const long = await preview(anAppId(), [], { ann: { text: "x" }, bob: { text: "xxx" }, eve: { text: "xx" } });
    expect([long.payloads?.apns.userId, long.payloads?.fcm.userId]).to.deep.equal(["bob", "bob"]);
    const text = "x".repeat(4_000);
    const data = { announcement_id: ANNOUNCEMENT, user_id: "ann" };
    const apns = lengthOf({ aps: { alert: { body: text } }, strata: data });
    const fcm = lengthOf({
      data: { ...data, collapse_id: ANNOUNCEMENT },
      notification: { body: text },
      android: { tag: ANNOUNCEMENT },
    });
    const { payloads } = await preview(anAppId(), [], {
      ann: { text },
      bob: { text: "x", data: { "google.x": "1" } },
      eve: { text: "x".repeat(3_000) },
    });
    expect(payloads?.apns).to.deep.include({ userId: "ann", fits: false, bytes: apns });
    expect(payloads?.apns.reason).to.equal(`payload_too_large: ${apns} bytes, 4096 allowed`);
    expect([payloads?.fcm.fits, payloads?.fcm.bytes]).to.deep.equal([false, fcm]);
    const alone = await preview(anAppId(), [], { bob: { text: "x", data: { "google.x": "1" } } });
    expect(alone.payloads?.fcm).to.deep.include({ fits: false, bytes: null, reason: "reserved_data_key: google.x" });
    expect(alone.payloads?.apns.fits).to.equal(true);
  });
});
