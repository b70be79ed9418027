import { expect } from "chai";
import { isPushService, PushServiceHosts } from "./index.ts";

const KNOWN = PushServiceHosts.parse(undefined);

describe("push services", () => {
  it("are those of today's browsers, unless it is said otherwise", () => {
    for (const endpoint of [
      "https://fcm.googleapis.com/fcm/send/abc:def",
      "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
      "https://web.push.apple.com/QGuQyavXutnMH",
      "https://wns2-par02p.notify.windows.com/w/?token=abc",
    ]) {
      expect(isPushService(KNOWN, endpoint), endpoint).to.equal(true);
    }
  });

  it("are nothing else that a client could name", () => {
    for (const endpoint of [
      "http://fcm.googleapis.com/fcm/send/abc",
      "https://fcm.googleapis.com:8443/fcm/send/abc",
      "https://user:secret@fcm.googleapis.com/fcm/send/abc",
      "https://fcm.googleapis.com@evil.example/",
      "https://fcm.googleapis.com.evil.example/",
      "https://evilpush.apple.com.example/",
      "https://evil-push.apple.com/",
      "https://push.apple.com.:443/",
      "https://web.push.apple.com:444/",
      "https://evil.example/?https://web.push.apple.com",
      "https://evil.example/#.push.apple.com",
      "https://127.0.0.1/",
      "https://[::1]/",
      "https://169.254.169.254/latest/meta-data",
      "https://localhost/",
      "file:///etc/passwd",
      "fcm.googleapis.com",
      "",
    ]) {
      expect(isPushService(KNOWN, endpoint), endpoint).to.equal(false);
    }
  });

  it("are hosts as a deployment names them, with their port", () => {
    const hosts = PushServiceHosts.parse("localhost:8443, *.Push.Example");
    expect(isPushService(hosts, "https://localhost:8443/webpush/1")).to.equal(true);
    expect(isPushService(hosts, "https://a.push.example/1")).to.equal(true);
    expect(isPushService(hosts, "https://localhost/webpush/1")).to.equal(false);
    expect(isPushService(hosts, "https://fcm.googleapis.com/1")).to.equal(false);
    for (const text of ["", "https://push.example", "push.example/path", "*", "*.", "a b"]) {
      expect(PushServiceHosts.safeParse(text).success, text).to.equal(false);
    }
  });
});
