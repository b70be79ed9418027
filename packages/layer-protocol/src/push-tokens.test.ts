import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parsePushToken } from "./index.ts";

const anApnsToken = { token: "AB12", type: "apns", device_id: "phone 1" };

describe("a registration in the Client API's words", () => {
  it("is an iPhone with its bundle, or an Android phone", () => {
    const apns = parsePushToken({ ...anApnsToken, ios_version: "9.3", apns_bundle_id: "com.example.shop" });
    expect(apns.deviceId).to.equal("phone 1");
    expect(apns.device).to.include({
      platform: "ios",
      kind: "apns",
      token: "ab12",
      appBundle: "com.example.shop",
      environment: "production",
    });
    for (const type of ["gcm", "fcm"]) {
      const { device } = parsePushToken({ token: "t:APA91b", type, device_id: "1", gcm_sender_id: "42" });
      expect(device).to.include({ platform: "android", kind: "fcm_token", token: "t:APA91b", appBundle: null });
    }
    expect(parsePushToken({ ...anApnsToken, environment: "development" }).device.environment).to.equal("development");
  });

  it("names what is missing or not valid", () => {
    expect(refusal(() => parsePushToken({}))).to.equal("missing_property token");
    expect(refusal(() => parsePushToken({ token: "ab" }))).to.equal("missing_property type");
    expect(refusal(() => parsePushToken({ token: "ab", type: "apns" }))).to.equal("missing_property device_id");
    for (const [property, value] of [
      ["token", "no hex"],
      ["token", { endpoint: "https://push.example" }],
      ["type", "webpush"],
      ["device_id", ""],
      ["device_id", "a\0b"],
      ["apns_bundle_id", 7],
      ["ios_version", 9.3],
    ] as const) {
      expect(refusal(() => parsePushToken({ ...anApnsToken, [property]: value }))).to.equal(
        `invalid_property ${property}`,
      );
    }
  });
});
