import { Buffer } from "node:buffer";
import { createECDH } from "node:crypto";
import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { deviceView, parseDevice, requireDeviceId } from "./index.ts";

const isPushService = (endpoint: string) => URL.parse(endpoint)?.host === "push.example";
const parse = (body: unknown) => parseDevice(body, isPushService);
const aPhone = { platform: "ios", kind: "apns", token: "AB12" };

describe("a device registration", () => {
  it("needs platform, kind and token only", () => {
    expect(parse({ platform: "android", kind: "fcm_token", token: "t:APA91b" })).to.deep.equal({
      platform: "android",
      kind: "fcm_token",
      token: "t:APA91b",
      environment: "production",
      appBundle: null,
      locale: null,
      timeZone: null,
      appVersion: null,
    });
  });

  it("takes everything else a phone knows, and ignores what it does not know", () => {
    const device = parse({
      ...aPhone,
      environment: "development",
      app_id: "com.example.app",
      locale: "de_AT",
      time_zone: "Europe/Vienna",
      app_version: "4.2",
      colour: "red",
    });
    expect(device).to.include({
      environment: "development",
      appBundle: "com.example.app",
      locale: "de-AT",
      timeZone: "Europe/Vienna",
      appVersion: "4.2",
    });
    expect(device).to.not.have.property("colour");
  });

  it("knows an APNs token in either letter case as one", () => {
    expect(parse(aPhone).token).to.equal("ab12");
  });

  it("names what is missing, in order", () => {
    expect(refusal(() => parse({}))).to.equal("missing_property platform");
    expect(refusal(() => parse({ platform: "ios" }))).to.equal("missing_property kind");
    expect(refusal(() => parse({ platform: "ios", kind: "apns" }))).to.equal("missing_property token");
  });

  const bad: [string, Record<string, unknown>][] = [
    ["platform", { platform: "symbian" }],
    ["kind", { kind: "gcm" }],
    ["kind", { platform: "android", kind: "apns" }],
    ["kind", { platform: "ios", kind: "webpush" }],
    ["token", { token: "" }],
    ["token", { token: "xyz" }],
    ["token", { token: "abc" }],
    ["token", { kind: "fcm_token", token: "a\0b" }],
    ["token", { kind: "fcm_token", token: "t".repeat(4097) }],
    ["environment", { environment: "sandbox" }],
    ["app_id", { app_id: 5 }],
    ["locale", { locale: "not a locale" }],
    ["time_zone", { time_zone: "Mars/Olympus" }],
    ["time_zone", { time_zone: "+01:00" }],
    ["token", { token: { endpoint: "https://push.example/1" } }],
    ["app_version", { app_version: "" }],
  ];
  for (const [property, change] of bad) {
    it(`refuses ${property} in ${JSON.stringify(change).slice(0, 60)}`, () => {
      expect(refusal(() => parse({ ...aPhone, ...change }))).to.equal(`invalid_property ${property}`);
    });
  }

  describe("of a browser", () => {
    const ecdh = createECDH("prime256v1");
    const keys = { p256dh: ecdh.generateKeys("base64url"), auth: "BTBZMqHH6r4Tts7J_aSIgg" };
    const subscription = { endpoint: "https://push.example/1", expirationTime: null, keys };
    const aBrowser = { platform: "web", kind: "webpush", token: subscription };

    it("is its subscription, as JSON or in a string: the endpoint is its token", () => {
      const expected = { token: "https://push.example/1", webPushKeys: keys };
      expect(parse(aBrowser)).to.deep.include(expected);
      expect(parse({ ...aBrowser, token: JSON.stringify(subscription) })).to.deep.include(expected);
      const { p256dh, auth } = keys;
      const padded = { p256dh: Buffer.from(p256dh, "base64url").toString("base64"), auth: `${auth}==` };
      const endpoint = "https://PUSH.example:443/1";
      expect(parse({ ...aBrowser, token: { endpoint, keys } }), "however its URL is written").to.deep.include(expected);
      expect(parse({ ...aBrowser, token: { ...subscription, keys: padded } })).to.deep.include(expected);
    });

    const offCurve = Buffer.from(keys.p256dh, "base64url");
    offCurve.writeUInt8(offCurve.readUInt8(64) ^ 1, 64);
    const refused: [string, unknown][] = [
      ["token", "https://push.example/1"],
      ["token.endpoint", { keys }],
      ["token.endpoint", { ...subscription, endpoint: "https://intranet.example/" }],
      ["token.endpoint", { ...subscription, endpoint: `https://push.example/${"x".repeat(2_048)}` }],
      ["token.keys", { endpoint: subscription.endpoint }],
      ["token.keys.p256dh", { ...subscription, keys: { ...keys, p256dh: keys.auth } }],
      ["token.keys.p256dh", { ...subscription, keys: { ...keys, p256dh: offCurve.toString("base64url") } }],
      ["token.keys.auth", { ...subscription, keys: { ...keys, auth: "BTBZ" } }],
      ["token.keys.auth", { ...subscription, keys: { ...keys, auth: "!!!!!!!!!!!!!!!!!!!!!!" } }],
    ];
    for (const [property, token] of refused) {
      it(`refuses ${property} in ${JSON.stringify(token).slice(0, 80)}`, () => {
        expect(refusal(() => parse({ ...aBrowser, token }))).to.equal(`invalid_property ${property}`);
      });
    }
  });

  it("is shown without its token, which is a credential", () => {
    const stored = { ...parse(aPhone), userId: "a/b", deviceId: "phone 1", registeredAt: 0 };
    expect(deviceView({ version: "3.0", baseUrl: "https://x.example", appId: "A" }, stored)).to.deep.equal({
      device_id: "phone 1",
      url: "https://x.example/apps/A/users/a%2Fb/devices/phone%201",
      user_id: "a/b",
      platform: "ios",
      kind: "apns",
      environment: "production",
      app_id: null,
      locale: null,
      time_zone: null,
      app_version: null,
      registered_at: "1970-01-01T00:00:00.000Z",
    });
  });

  it("has an id of 1 to 256 characters", () => {
    expect(requireDeviceId("d")).to.equal("d");
    expect(refusal(() => requireDeviceId(""))).to.equal("invalid_property device_id");
    expect(refusal(() => requireDeviceId("d".repeat(257)))).to.equal("invalid_property device_id");
  });
});
