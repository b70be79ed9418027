import { expect } from "chai";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Phone } from "@strata/phone";
import {
  aPhone,
  aPush,
  apnsOptions,
  kindsOf,
  pushesOf,
  receivedHistogram,
  tokenOf,
} from "../../test/provider-fixture.ts";
import { openApnsProvider, type ApnsProviderOptions } from "./apns-provider.ts";
import type { PushProvider, PushResult } from "./push-provider.ts";

describe("the APNs provider, on a phone over TLS HTTP/2", () => {
  let phone: Phone;
  let provider: PushProvider;

  before(async () => {
    phone = await aPhone({ maxConcurrentStreams: 1_000 });
  });
  beforeEach(() => {
    phone.reset();
    phone.configure({ maxConcurrentStreams: 1_000, acceptUnknownCredentials: true });
    provider = openApnsProvider(apnsOptions(phone));
  });
  afterEach(() => provider.close());
  after(() => phone.close());

  const reopen = async (changes: Partial<ApnsProviderOptions>) => {
    await provider.close();
    provider = openApnsProvider(apnsOptions(phone, changes));
  };
  const sendOne = async (index = 0): Promise<PushResult> => {
    const [result] = await provider.send([aPush(index)]);
    if (result === undefined) throw new Error("No result");
    return result;
  };
  const requests = () => Object.values(phone.stats().answers["apns"] ?? {}).reduce((sum, count) => sum + count, 0);

  describe("delivers", () => {
    it("1,000 pushes exactly once each, over one session, with one provider token", async () => {
      const before = phone.stats();
      expect(kindsOf(await provider.send(pushesOf(1_000)))).to.deep.equal({ accepted: 1_000 });
      expect(receivedHistogram(phone, 1_000)).to.deep.equal({ 1: 1_000 });
      const after = phone.stats();
      expect(after.requests.sessions_opened - before.requests.sessions_opened).to.equal(1);
      expect(after.tokens.apns_tokens_seen - before.tokens.apns_tokens_seen).to.equal(1);
    });

    it("ten sends of 1,000 at once without losing any, which is where the library alone lost 83 %", async () => {
      const sends = await Promise.all(Array.from({ length: 10 }, () => provider.send(pushesOf(1_000))));
      for (const results of sends) expect(kindsOf(results)).to.deep.equal({ accepted: 1_000 });
      expect(receivedHistogram(phone, 1_000)).to.deep.equal({ 10: 1_000 });
    });

    it("the push with its own apns-id, topic, collapse id, priority and the user it is for", async () => {
      const result = await sendOne();
      const [push] = phone.device(tokenOf(0)).received;
      expect(result).to.deep.equal({ kind: "accepted", providerId: push?.id });
      expect(push).to.include({ title: "Hello", user_id: "user-0", announcement_id: "announcement-1", silent: false });
      expect(push?.headers).to.include({
        "apns-topic": "dev.strata.demo",
        "apns-collapse-id": "announcement-1",
        "apns-priority": "10",
        "apns-push-type": "alert",
      });
    });

    it("nothing of a payload that is too large, and says so", async () => {
      const [result] = await provider.send([aPush(0, { notification: { text: "x".repeat(4_100) } })]);
      expect(result)
        .to.have.property("reason")
        .that.matches(/^payload_too_large: \d+ bytes, 4096 allowed$/);
      expect(requests()).to.equal(0);
    });
  });

  describe("reacts to what APNs answers", () => {
    for (const reason of ["Unregistered", "ExpiredToken"]) {
      it(`410 ${reason}: the token is dead since the time that Apple says`, async () => {
        phone.addFault({ reason, timestamp: 1_700_000_000_000 });
        const deadSince = new Date(1_700_000_000_000);
        expect(await sendOne()).to.deep.equal({ kind: "token-dead", reason, deadSince });
      });
    }

    for (const reason of ["BadDeviceToken", "DeviceTokenNotForTopic"]) {
      it(`400 ${reason}: the token is dead`, async () => {
        await sendOne(1);
        phone.addFault({ reason });
        expect(await sendOne()).to.deep.equal({ kind: "token-dead", reason, deadSince: null });
      });

      it(`400 ${reason} for many: not believed, so a wrong environment never wipes the token base`, async () => {
        await sendOne();
        phone.addFault({ reason });
        const results = await provider.send(pushesOf(500));
        expect(kindsOf(results)).to.deep.equal({ "credential-refused": 500 });
      });
    }

    it("403 ExpiredProviderToken: one new token for all pushes that failed with the old one, each push is sent again", async () => {
      await provider.send(pushesOf(500));
      phone.reset();
      const seenBefore = phone.stats().tokens.apns_tokens_seen;
      phone.addFault({ reason: "ExpiredProviderToken", times: 50 });
      expect(kindsOf(await provider.send(pushesOf(50)))).to.deep.equal({ accepted: 50 });
      expect(phone.stats().tokens.apns_tokens_seen - seenBefore).to.equal(1);
      expect(receivedHistogram(phone, 50)).to.deep.equal({ 1: 50 });
    });

    it("403 ExpiredProviderToken with a new token: the credential is refused, and no third token is asked for", async () => {
      phone.addFault({ reason: "ExpiredProviderToken" });
      expect(await sendOne()).to.deep.equal({ kind: "credential-refused", reason: "ExpiredProviderToken" });
      expect(await sendOne()).to.deep.equal({ kind: "credential-refused", reason: "ExpiredProviderToken" });
      expect(requests()).to.equal(2);
    });

    for (const reason of ["InvalidProviderToken", "BadTopic"]) {
      it(`${reason}: the credential is refused and the rest of the send is not tried`, async () => {
        await sendOne();
        phone.reset();
        phone.addFault({ reason });
        expect(kindsOf(await provider.send(pushesOf(1_000)))).to.deep.equal({ "credential-refused": 1_000 });
        expect(requests()).to.be.at.most(500);
      });
    }

    it("a key that Apple does not know: the credential is refused", async () => {
      phone.configure({ acceptUnknownCredentials: false });
      const { credential } = apnsOptions(phone);
      await reopen({ credential: { ...credential, keyId: "UNKNOWNKEY" } });
      expect(await sendOne()).to.deep.equal({ kind: "credential-refused", reason: "InvalidProviderToken" });
    });

    it("a private key that is none: the credential is refused", async () => {
      const { credential } = apnsOptions(phone);
      const pem = "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n";
      await reopen({ credential: { ...credential, privateKey: pem } });
      expect((await sendOne()).kind).to.equal("credential-refused");
    });

    it("429 TooManyProviderTokenUpdates: the lane waits 20 minutes with the token it has", async () => {
      phone.addFault({ reason: "TooManyProviderTokenUpdates", times: 1 });
      const result = await sendOne();
      expect(result).to.include({ kind: "unavailable", scope: "lane" });
      expect(result).to.have.property("retryAfterMs").that.is.within(1_199_000, 1_200_000);
      expect((await sendOne(1)).kind).to.equal("unavailable");
      expect(requests()).to.equal(1);
    });

    it("429 TooManyRequests: only this device waits, as long as Retry-After says", async () => {
      phone.addFault({ reason: "TooManyRequests", token: tokenOf(0), retry_after: 17 });
      expect(await sendOne()).to.deep.include({
        kind: "unavailable",
        scope: "push",
        retryAfterMs: 17_000,
        mayHaveArrived: false,
      });
      expect((await sendOne(1)).kind).to.equal("accepted");
      expect(requests()).to.equal(2);
    });

    it("413 PayloadTooLarge: the push is rejected and the token is kept", async () => {
      phone.addFault({ reason: "PayloadTooLarge" });
      expect(await sendOne()).to.deep.equal({ kind: "rejected", reason: "PayloadTooLarge" });
    });

    for (const reason of ["InternalServerError", "ServiceUnavailable", "Shutdown"]) {
      it(`${reason}: this push waits, asked once, and the next goes over a new session`, async () => {
        await sendOne(1);
        const opened = phone.stats().requests.sessions_opened;
        phone.reset();
        phone.addFault({ reason, times: 1 });
        const result = await sendOne();
        expect(result).to.include({ kind: "unavailable", reason, scope: "push" });
        expect(result).to.have.property("retryAfterMs").that.is.within(500, 2_000);
        expect(requests()).to.equal(1);
        expect((await sendOne()).kind).to.equal("accepted");
        expect(phone.stats().requests.sessions_opened).to.equal(opened + 1);
      });
    }

    it("503 with Retry-After: the lane waits that long", async () => {
      phone.addFault({ reason: "ServiceUnavailable", retry_after: 9 });
      expect(await sendOne()).to.include({ kind: "unavailable", scope: "lane", reason: "ServiceUnavailable" });
      const again = await sendOne(1);
      expect(again).to.have.property("retryAfterMs").that.is.within(8_000, 9_000);
      expect(requests()).to.equal(1);
    });
  });

  describe("survives the network", () => {
    it("GOAWAY in the middle of 1,000 pushes: the refused streams are sent again with their apns-id, each arrives once", async () => {
      await provider.send(pushesOf(100));
      phone.reset();
      phone.addFault({ behaviour: "goaway", skip: 300, times: 1 });
      const results = await provider.send(pushesOf(1_000));
      expect(kindsOf(results)).to.deep.equal({ accepted: 1_000 });
      expect(receivedHistogram(phone, 1_000)).to.deep.equal({ 1: 1_000 });
      const ids = new Set(results.map((result) => (result.kind === "accepted" ? result.providerId : null)));
      expect(ids.size).to.equal(1_000);
    });

    it("GOAWAY and then silence: only what was under way is unavailable, and said to have perhaps arrived", async () => {
      await provider.send(pushesOf(100));
      phone.reset();
      phone.addFault({ behaviour: "goaway-unanswered", skip: 300, times: 1, arrives: true });
      const results = await provider.send(pushesOf(1_000));
      const lost = results.filter(({ kind }) => kind === "unavailable");
      expect(lost.length).to.be.within(1, 500);
      expect(lost.some((result) => result.kind === "unavailable" && result.mayHaveArrived)).to.equal(true);
      expect(kindsOf(results)["accepted"]).to.equal(1_000 - lost.length);
    });

    it("a stream limit of 1: all pushes arrive, one by one", async () => {
      phone.configure({ maxConcurrentStreams: 1 });
      await reopen({});
      expect(kindsOf(await provider.send(pushesOf(200)))).to.deep.equal({ accepted: 200 });
      expect(receivedHistogram(phone, 200)).to.deep.equal({ 1: 200 });
    });

    it("a hung stream: that push is unavailable after its timeout, the others are not kept", async () => {
      await reopen({ requestTimeoutMs: 200 });
      phone.addFault({ behaviour: "hang", token: tokenOf(3) });
      const results = await provider.send(pushesOf(50));
      expect(kindsOf(results)).to.deep.equal({ accepted: 49, unavailable: 1 });
      expect(results[3]).to.include({ kind: "unavailable", reason: "timeout", mayHaveArrived: true, scope: "push" });
    });

    it("a connection that has gone dumb: given up with its timeouts, so that the next send gets through", async () => {
      await reopen({ requestTimeoutMs: 200 });
      await sendOne();
      phone.addFault({ behaviour: "hang" });
      expect(kindsOf(await provider.send(pushesOf(20)))).to.deep.equal({ unavailable: 20 });
      const opened = phone.stats().requests.sessions_opened;
      phone.removeFaults();
      expect((await sendOne()).kind).to.equal("accepted");
      expect(phone.stats().requests.sessions_opened).to.equal(opened + 1);
    });

    it("a TLS connection that is reset: what was under way is unavailable, the rest goes over a new one", async () => {
      await reopen({ quietMs: 200 });
      await provider.send(pushesOf(100));
      phone.reset();
      phone.addFault({ behaviour: "reset", skip: 200, times: 1 });
      const results = await provider.send(pushesOf(1_000));
      const { accepted = 0, unavailable = 0 } = kindsOf(results);
      expect(accepted + unavailable).to.equal(1_000);
      expect(unavailable).to.be.within(1, 500);
      expect(kindsOf(await provider.send(pushesOf(100)))).to.deep.equal({ accepted: 100 });
    });

    it("nobody there: every push is unavailable and certainly did not arrive", async () => {
      const nobody = createServer().listen(0, "127.0.0.1");
      await once(nobody, "listening");
      const address = nobody.address();
      if (address === null || typeof address === "string") throw new Error("No port");
      nobody.close();
      await once(nobody, "close");
      await reopen({ endpoint: { address: "localhost", port: address.port } });
      const results = await provider.send(pushesOf(1_000));
      expect(results.every((result) => result.kind === "unavailable" && !result.mayHaveArrived)).to.equal(true);
    });

    it("a server whose certificate our CA did not sign: nothing is sent to it", async () => {
      await using other = await aPhone();
      await reopen({ ca: other.caPem });
      expect((await sendOne()).kind).to.equal("unavailable");
      expect(phone.stats().pushes.received).to.equal(0);
    });

    it("a provider that was closed: answers without sending", async () => {
      await provider.close();
      expect(await sendOne()).to.include({ kind: "unavailable", reason: "provider closed" });
    });
  });
});
