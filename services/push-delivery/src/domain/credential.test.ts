import { expect } from "chai";
import { anAndroid, anIphone } from "../../test/support.ts";
import { credentialFor, type CredentialScope } from "./credential.ts";

const apns = (bundleId: string, environment: "production" | "development"): CredentialScope => ({
  kind: "apns",
  apns: { bundleId, environment },
});
const vapid = (publicKey: string): CredentialScope => ({ kind: "webpush", apns: null, publicKey });
const browser = (appBundle: string | null) => anAndroid(1, { kind: "webpush", platform: "web", appBundle });
const FCM: CredentialScope = { kind: "fcm", apns: null };

describe("credentialFor", () => {
  it("sends FCM tokens and installation ids through the newest service account", () => {
    const older: CredentialScope = { ...FCM };
    expect(credentialFor([apns("a", "development"), FCM, older], anAndroid(1))).to.equal(FCM);
    expect(credentialFor([FCM], anAndroid(1, { kind: "fcm_fid" }))).to.equal(FCM);
    expect(credentialFor([apns("a", "development")], anAndroid(1))).to.equal(null);
  });

  it("sends an APNs token through the key of its bundle and environment only", () => {
    const [a, b, other] = [apns("a", "development"), apns("b", "development"), apns("a", "production")];
    const device = anIphone(1, { appBundle: "a" });
    expect(credentialFor([other, b, a], device)).to.equal(a);
    expect(credentialFor([other, b, FCM], device)).to.equal(null);
  });

  it("takes the only bundle for a device that names none, and no guess where there are two", () => {
    const [a, rotated, b] = [apns("a", "development"), apns("a", "development"), apns("b", "development")];
    expect(credentialFor([rotated, a], anIphone(1))).to.equal(rotated);
    expect(credentialFor([a, b], anIphone(1))).to.equal(null);
    expect(credentialFor([apns("a", "production")], anIphone(1))).to.equal(null);
  });

  it("lets a device wait for a key that cannot be read, if no other serves it", () => {
    const unreadable: CredentialScope = { kind: "apns", apns: null };
    const a = apns("a", "development");
    expect(credentialFor([unreadable], anIphone(1))).to.equal(unreadable);
    expect(credentialFor([unreadable, a], anIphone(1))).to.equal(a);
  });

  it("sends to a browser through the key pair that it names as its app id, else through the newest", () => {
    const [newest, older] = [vapid("new"), vapid("old")];
    expect(credentialFor([FCM, newest, older], browser("old"))).to.equal(older);
    expect(credentialFor([FCM, newest, older], browser("shop.example"))).to.equal(newest);
    expect(credentialFor([FCM, newest, older], browser(null))).to.equal(newest);
    expect(credentialFor([FCM], browser(null))).to.equal(null);
    const unreadable: CredentialScope = { kind: "webpush", apns: null };
    expect(credentialFor([unreadable, older], browser(null))).to.equal(older);
    expect(credentialFor([unreadable], browser(null))).to.equal(unreadable);
  });
});
