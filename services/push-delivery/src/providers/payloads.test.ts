import { buildFcmBody } from "@strata/push-payload";
import { expect } from "chai";
import { deleteApp, initializeApp } from "firebase-admin/app";
import { getMessaging } from "firebase-admin/messaging";
import { Agent } from "node:https";
import { aPhone, aPush, fcmOptions } from "../../test/provider-fixture.ts";
import { buildApnsNotification } from "./apns-payload.ts";
import { FcmAccessToken } from "./fcm-access-token.ts";
import { openFcmProvider } from "./fcm-provider.ts";
import type { Push } from "./push-provider.ts";

const fcmMessage = (push: Push) => {
  const built = buildFcmBody(push);
  if (built.kind !== "built") throw new Error(built.reason);
  return JSON.parse(built.payload).message;
};
const apnsNotification = (push: Push) => {
  const built = buildApnsNotification(push, "dev.strata.demo");
  if (built.kind !== "built") throw new Error(built.reason);
  return built.payload;
};
const rich: Push["notification"] = {
  title: "Title",
  text: "Text",
  sound: "bell.aiff",
  category: "NEWS",
  locKey: "BODY",
  locArgs: ["a"],
  data: { deep: { link: 1 }, plain: "text" },
  apns: { "mutable-content": 1, "launch-image": "start.png", badge: 7 },
  fcm: { click_action: "OPEN", tag: "theirs" },
};

describe("the FCM payload", () => {
  it("is the very message that firebase-admin sends for the same push", async () => {
    await using phone = await aPhone();
    const provider = openFcmProvider(fcmOptions(phone));
    const push = aPush(0, { notification: { ...rich, fcm: { click_action: "OPEN" } } });
    await provider.send([{ ...push, device: { token: "ours" } }]);
    await provider.close();
    const access = await new FcmAccessToken(fcmOptions(phone)).get();
    if (access.kind !== "token") throw new Error(access.reason);
    await sendWithSdk(phone.port, phone.caPem, access.token);
    const [ours] = phone.device("ours").received;
    const [theirs] = phone.device("theirs").received;
    expect(ours?.payload).to.deep.equal({ ...Object(theirs?.payload), token: "ours" });
  });

  it("replaces by tag and never uses a collapse key, of which FCM keeps four per device", () => {
    const { android, apns, data } = fcmMessage(aPush(0, { notification: rich }));
    expect(android.notification.tag).to.equal("announcement-1");
    expect(android).to.not.have.property("collapse_key");
    expect(apns.headers["apns-collapse-id"]).to.equal("announcement-1");
    expect(data.collapse_id).to.equal("announcement-1");
  });

  it("carries only strings as data, and ours over the backend's", () => {
    const notification = { text: "x", data: { announcement_id: "forged", number: 7, list: [1] } };
    expect(fcmMessage(aPush(0, { notification })).data).to.deep.equal({
      announcement_id: "announcement-1",
      user_id: "user-0",
      collapse_id: "announcement-1",
      number: "7",
      list: "[1]",
    });
  });

  it("refuses a data key that FCM reserves, which would fail every push of the announcement", () => {
    for (const key of ["from", "message_type", "google.x", "gcm.y"]) {
      const built = buildFcmBody(aPush(0, { notification: { text: "x", data: { [key]: "v" } } }));
      expect(built).to.deep.equal({ kind: "unsendable", reason: `reserved_data_key: ${key}`, bytes: null });
    }
  });

  it("wakes the app without showing anything when there is nothing to see or hear", () => {
    const message = fcmMessage(aPush(0, { notification: { data: { sync: "now" } } }));
    expect(message).to.not.have.property("notification");
    expect(message.android).to.not.have.property("notification");
    expect(message.apns.payload.aps).to.deep.equal({ "content-available": 1 });
    expect(message.apns.headers).to.include({ "apns-priority": "5", "apns-push-type": "background" });
  });

  it("addresses an installation id as such", () => {
    const message = fcmMessage(aPush(0, { device: { token: "an-id", kind: "fcm_fid" } }));
    expect(message).to.include({ fid: "an-id" });
    expect(message).to.not.have.property("token");
  });

  it("is refused above 4,096 bytes, counted as UTF-8", () => {
    const built = buildFcmBody(aPush(0, { notification: { text: "ä".repeat(2_050) } }));
    expect(built).to.have.property("reason").that.includes("payload_too_large");
    expect(buildFcmBody(aPush(0, { notification: { text: "a".repeat(3_500) } })).kind).to.equal("built");
  });
});

describe("the APNs payload", () => {
  it("puts every key of the notification where APNs wants it", () => {
    expect(apnsNotification(aPush(0, { notification: rich })).rawPayload).to.deep.equal({
      aps: {
        alert: { title: "Title", body: "Text", "loc-key": "BODY", "loc-args": ["a"], "launch-image": "start.png" },
        sound: "bell.aiff",
        category: "NEWS",
        "mutable-content": 1,
      },
      data: { deep: { link: 1 }, plain: "text" },
      strata: { announcement_id: "announcement-1", user_id: "user-0" },
    });
  });

  it("makes a background push of priority 5 when there is nothing to see or hear", () => {
    const notification = apnsNotification(aPush(0, { notification: {} }));
    expect(notification).to.include({ priority: 5, pushType: "background" });
    expect(notification.rawPayload).to.have.nested.property("aps.content-available", 1);
  });

  it("shortens a collapse id of more than 64 bytes to the same hash every time", () => {
    const long = { collapseId: "x".repeat(65) };
    const first = apnsNotification(aPush(0, long)).collapseId;
    expect(first).to.have.length.at.most(64);
    expect(apnsNotification(aPush(1, long)).collapseId).to.equal(first);
  });

  it("expires with its time to live, and at once when that is 0", () => {
    const nowS = Date.now() / 1_000;
    expect(apnsNotification(aPush(0, { ttlSeconds: 60 })).expiry).to.be.within(nowS + 58, nowS + 61);
    expect(apnsNotification(aPush(0, { ttlSeconds: 0 })).expiry).to.equal(0);
  });

  it("goes to the app's topic that the device was registered for, else to the credential's", () => {
    expect(apnsNotification(aPush(0, { device: { token: "t", appBundle: "com.example.other" } })).topic).to.equal(
      "com.example.other",
    );
    expect(apnsNotification(aPush(0, { device: { token: "t", appBundle: null } })).topic).to.equal("dev.strata.demo");
  });

  it("is refused above 4,096 bytes", () => {
    const built = buildApnsNotification(aPush(0, { notification: { text: "x".repeat(4_100) } }), "t");
    expect(built).to.have.property("reason").that.includes("payload_too_large");
  });
});

/** The same push through the SDK's own `send`, by way of an agent that dials the phone. */
async function sendWithSdk(port: number, ca: string, accessToken: string): Promise<void> {
  const httpAgent = new Agent({ ca });
  const dial = httpAgent.createConnection.bind(httpAgent);
  httpAgent.createConnection = (options, onConnect) =>
    dial({ ...options, host: "localhost", port, servername: "fcm.googleapis.com" }, onConnect);
  const credential = { getAccessToken: () => Promise.resolve({ access_token: accessToken, expires_in: 3_600 }) };
  const app = initializeApp({ projectId: "strata-local", httpAgent, credential }, "contract");
  await getMessaging(app).send({
    token: "theirs",
    data: {
      deep: '{"link":1}',
      plain: "text",
      announcement_id: "announcement-1",
      user_id: "user-0",
      collapse_id: "announcement-1",
    },
    notification: { title: "Title", body: "Text" },
    android: {
      priority: "high",
      ttl: 3_600_000,
      notification: {
        clickAction: "OPEN",
        sound: "bell.aiff",
        bodyLocKey: "BODY",
        bodyLocArgs: ["a"],
        tag: "announcement-1",
      },
    },
    apns: {
      headers: { "apns-collapse-id": "announcement-1", "apns-priority": "10", "apns-push-type": "alert" },
      payload: {
        aps: {
          alert: { locKey: "BODY", locArgs: ["a"], launchImage: "start.png" },
          sound: "bell.aiff",
          category: "NEWS",
          mutableContent: true,
        },
      },
    },
  });
  await deleteApp(app);
}
