import { once } from "node:events";
import { createServer } from "node:net";
import type { Phone } from "@strata/phone";
import { expect } from "chai";
import webPush from "web-push";
import { aPhone, aPush, kindsOf, webPushOptions } from "../../test/provider-fixture.ts";
import type { Push, PushProvider, PushResult } from "./push-provider.ts";
import { openWebPushProvider, type WebPushProviderOptions } from "./webpush-provider.ts";

describe("the web push provider, on a phone that decrypts", () => {
  let phone: Phone;
  let provider: PushProvider;
  let options: WebPushProviderOptions;

  before(async () => {
    phone = await aPhone();
  });
  beforeEach(() => {
    phone.reset();
    options = webPushOptions(phone);
    provider = openWebPushProvider(options);
  });
  afterEach(() => provider.close());
  after(() => phone.close());

  const reopen = async (changes: Partial<WebPushProviderOptions>) => {
    await provider.close();
    provider = openWebPushProvider({ ...options, ...changes });
  };
  const toBrowser = (changes: Partial<Push> = {}, key: string | null = options.credential.publicKey): Push => {
    const { endpoint, keys } = phone.subscribe(key);
    return aPush(0, { device: { token: endpoint, kind: "webpush", webPushKeys: keys }, ...changes });
  };
  const browsers = (count: number) => Array.from({ length: count }, () => toBrowser());
  const sendOne = async (push = toBrowser()): Promise<PushResult> => {
    const [result] = await provider.send([push]);
    if (result === undefined) throw new Error("No result");
    return result;
  };
  const answering = async (answer: { status: number; headers?: Record<string, string>; body?: string }) => {
    const push = toBrowser();
    phone.addFault({ token: push.device.token, answer });
    return sendOne(push);
  };
  const shownOn = ({ device }: Push) => phone.device(device.token).shown;
  const answers = () => phone.stats().answers["webpush"] ?? {};
  const requests = () => Object.values(answers()).reduce((sum, count) => sum + count, 0);

  describe("delivers", () => {
    it("1,000 pushes exactly once each, readable by their browser alone", async function () {
      this.timeout(60_000);
      // However slow the machine is: what is shown here is that each comes once.
      await reopen({ requestTimeoutMs: 60_000, sendDeadlineMs: 60_000 });
      const pushes = browsers(1_000);
      expect(kindsOf(await provider.send(pushes))).to.deep.equal({ accepted: 1_000 });
      expect(answers()).to.deep.equal({ ok: 1_000 });
      expect(pushes.filter(({ device }) => phone.device(device.token).received_count !== 1)).to.deep.equal([]);
      const keysOfAnother = { ...toBrowser().device, token: toBrowser().device.token };
      expect((await sendOne(toBrowser({ device: keysOfAnother }))).kind).to.equal("accepted");
      expect(answers()).to.deep.equal({ ok: 1_000, undecryptable: 1 });
    });

    it("what a service worker needs, and where the push service has it", async () => {
      const push = toBrowser({
        notification: { title: "Hello", text: "for Ann", category: "offer", data: { order: 7, user_id: "mallory" } },
      });
      const result = await sendOne(push);
      expect(result)
        .to.have.property("providerId")
        .that.matches(/^https:\/\/localhost:\d+\/webpush\//);
      const [shown] = shownOn(push);
      expect(shown?.payload).to.deep.equal({
        title: "Hello",
        body: "for Ann",
        category: "offer",
        tag: "announcement-1",
        data: { order: 7, announcement_id: "announcement-1", user_id: "user-0" },
      });
      expect(shown?.headers).to.deep.include({ ttl: "3600", urgency: "high", "content-encoding": "aes128gcm" });
      expect(shown?.headers["topic"]).to.match(/^[\w-]{32}$/);
    });

    it("one notification, however often it is sent: shown once, and brought once to who was offline", async () => {
      const push = toBrowser();
      await sendOne(push);
      await sendOne(push);
      expect(phone.device(push.device.token)).to.include({ received_count: 2, shown_count: 1 });
      const away = toBrowser();
      phone.setOnline(away.device.token, false);
      await sendOne(away);
      await sendOne(away);
      await sendOne({ ...away, collapseId: "announcement-2" });
      expect(phone.device(away.device.token).received_count).to.equal(0);
      phone.setOnline(away.device.token, true);
      expect(shownOn(away).map(({ collapse_id }) => collapse_id)).to.deep.equal(["announcement-1", "announcement-2"]);
      expect(phone.device(away.device.token).received_count).to.equal(2);
    });

    it("nothing after its time, and keeps nothing longer than push services do", async () => {
      const now = toBrowser({ ttlSeconds: 0 });
      phone.setOnline(now.device.token, false);
      await sendOne(now);
      phone.setOnline(now.device.token, true);
      expect(shownOn(now)).to.deep.equal([]);
      const long = toBrowser({ ttlSeconds: 400 * 86_400 });
      await sendOne(long);
      expect(shownOn(long)[0]?.headers["ttl"]).to.equal(String(28 * 86_400));
    });

    it("a payload of 3,993 bytes, and none that is longer", async () => {
      const overhead = Buffer.byteLength(JSON.stringify({ title: "", tag: "announcement-1", data: aPush().data }));
      const sized = (bytes: number) => toBrowser({ notification: { title: "x".repeat(bytes - overhead) } });
      expect((await sendOne(sized(3_993))).kind).to.equal("accepted");
      expect(await sendOne(sized(3_994))).to.deep.equal({
        kind: "rejected",
        reason: "payload_too_large: 3994 bytes, 3993 allowed",
      });
      expect(answers()).to.deep.equal({ ok: 1 });
    });

    it("nothing silent, since a browser has to show something; but that an announcement was recalled", async () => {
      expect(await sendOne(toBrowser({ notification: { data: { a: 1 } } }))).to.deep.equal({
        kind: "rejected",
        reason: "web_push_must_be_visible",
      });
      const recall = toBrowser({ notification: {}, data: { announcement_id: "announcement-1", recalled: "true" } });
      expect((await sendOne(recall)).kind).to.equal("accepted");
      expect(phone.device(recall.device.token).received[0]).to.include({ silent: true, collapse_id: "announcement-1" });
    });
  });

  describe("sends nowhere", () => {
    it("but to the push services that it is given", async () => {
      const push = toBrowser();
      await reopen({ hosts: ["fcm.googleapis.com"] });
      expect(await sendOne(push)).to.deep.equal({ kind: "rejected", reason: "push_service_not_allowed" });
      expect(requests()).to.equal(0);
    });

    it("a push service redirects to", async () => {
      const [push, other] = [toBrowser(), toBrowser()];
      phone.addFault({ token: push.device.token, answer: { status: 307, headers: { location: other.device.token } } });
      expect(await sendOne(push)).to.deep.equal({ kind: "rejected", reason: "status 307" });
      expect(phone.device(other.device.token).received_count).to.equal(0);
    });

    it("with keys that are none", async () => {
      const { webPushKeys: _, ...without } = toBrowser().device;
      const offCurve = { p256dh: Buffer.alloc(65, 4).toString("base64url"), auth: "BTBZMqHH6r4Tts7J_aSIgg" };
      for (const device of [without, { ...without, webPushKeys: offCurve }]) {
        expect(await sendOne(aPush(0, { device }))).to.deep.equal({
          kind: "rejected",
          reason: "subscription_keys_invalid",
        });
      }
    });
  });

  describe("reacts to what a push service answers", () => {
    it("410 and 404: the token is dead", async () => {
      const ended = toBrowser();
      phone.unsubscribe(ended.device.token);
      expect(await sendOne(ended)).to.deep.equal({
        kind: "token-dead",
        reason: "status 410: gone",
        deadSince: null,
      });
      expect(await answering({ status: 404 })).to.deep.include({ kind: "token-dead", reason: "status 404" });
    });

    it("403 to a key pair that it never took a push of: the credential is refused, and the rest is not tried", async () => {
      const key = webPush.generateVAPIDKeys().publicKey;
      const foreign = Array.from({ length: 200 }, () => toBrowser({}, key));
      expect(kindsOf(await provider.send(foreign))).to.deep.equal({ "credential-refused": 200 });
      expect(requests()).to.be.at.most(64);
    });

    it("403 for one subscription among many that are taken: it was made for another key, and holds up nobody", async () => {
      await sendOne();
      const foreign = toBrowser({}, webPush.generateVAPIDKeys().publicKey);
      const results = await provider.send([foreign, ...browsers(50)]);
      expect(kindsOf(results)).to.deep.equal({ rejected: 1, accepted: 50 });
      expect(results[0]).to.deep.equal({
        kind: "rejected",
        reason: "subscribed_with_another_key: status 403: another key",
      });
    });

    it("403 for many subscriptions: the credential is refused after all", async () => {
      await sendOne();
      phone.addFault({ protocol: "webpush", answer: { status: 403 } });
      const kinds = kindsOf(await provider.send(browsers(300)));
      expect(kinds["rejected"]).to.be.lessThan(20);
      expect(kinds["credential-refused"]).to.equal(300 - (kinds["rejected"] ?? 0));
    });

    it("400 about the signature is like 403, and any other 400 rejects the push", async () => {
      expect((await answering({ status: 400, body: JSON.stringify({ reason: "BadWebPushTopic" }) })).kind).to.equal(
        "rejected",
      );
      expect(await answering({ status: 400, body: JSON.stringify({ reason: "VapidPkHashMismatch" }) })).to.deep.equal({
        kind: "credential-refused",
        reason: "status 400: VapidPkHashMismatch",
      });
    });

    it("413: the push is rejected and the token is kept", async () => {
      expect(await answering({ status: 413 })).to.deep.equal({
        kind: "rejected",
        reason: "payload_too_large: status 413",
      });
    });

    it("429: nothing goes to that push service before its Retry-After, and another goes on", async () => {
      // One phone under two names: two push services to its sender.
      const { port } = new URL(phone.fcmUrl);
      await reopen({ hosts: [...options.hosts, `127.0.0.1:${port}`] });
      phone.addFault({ protocol: "webpush", times: 1, answer: { status: 429, headers: { "retry-after": "30" } } });
      const paused = await sendOne();
      expect(paused).to.include({ kind: "unavailable", scope: "lane", mayHaveArrived: false });
      expect(paused).to.have.property("retryAfterMs").that.is.within(29_000, 30_000);
      expect((await sendOne()).kind).to.equal("unavailable");
      expect(requests(), "the second was not sent").to.equal(1);
      const { device } = toBrowser();
      const token = device.token.replace("localhost", "127.0.0.1");
      expect((await sendOne(aPush(0, { device: { ...device, token } }))).kind).to.equal("accepted");
    });

    it("500, 503 and Microsoft's 406: this push is tried again later, and others are sent", async () => {
      for (const [status, mayHaveArrived] of [
        [500, true],
        [503, false],
        [406, false],
      ] as const) {
        expect(await answering({ status })).to.include({ kind: "unavailable", scope: "push", mayHaveArrived });
      }
      expect((await sendOne()).kind).to.equal("accepted");
    });

    it("no answer: it ends in time, and may have arrived", async () => {
      await reopen({ requestTimeoutMs: 200 });
      const push = toBrowser();
      phone.addFault({ token: push.device.token, behaviour: "hang" });
      expect(await sendOne(push)).to.include({
        kind: "unavailable",
        reason: "no answer in time",
        scope: "push",
        mayHaveArrived: true,
      });
    });

    it("an answer without an end: no more of it is held than its beginning", async () => {
      expect(await answering({ status: 400, body: "no ".repeat(30_000) }))
        .to.have.property("reason")
        .that.has.length.below(150);
    });
  });

  describe("bears", () => {
    it("connections that the push service closed meanwhile", async () => {
      await provider.send(browsers(20));
      phone.dropConnections();
      const results = await provider.send(browsers(20));
      expect(kindsOf(results)).to.deep.equal({ accepted: 20 });
    });

    it("a push service that is away: nothing was sent, and its lane waits", async () => {
      const nobody = createServer().listen(0, "127.0.0.1");
      await once(nobody, "listening");
      const address = nobody.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      nobody.close();
      await once(nobody, "close");
      await reopen({ hosts: [`localhost:${port}`] });
      const { device } = toBrowser();
      const token = `https://localhost:${port}/webpush/1`;
      const result = await sendOne(aPush(0, { device: { ...device, token } }));
      expect(result).to.include({ kind: "unavailable", scope: "lane", mayHaveArrived: false });
    });

    it("being closed: what is under way ends, and nothing is sent any more", async () => {
      const sending = provider.send(browsers(100));
      await provider.close();
      expect(kindsOf(await sending)).to.deep.equal({ accepted: 100 });
      expect((await sendOne()).kind).to.equal("unavailable");
    });
  });
});
