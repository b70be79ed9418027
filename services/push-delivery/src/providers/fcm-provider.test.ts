import { expect } from "chai";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import type { Phone } from "@strata/phone";
import {
  aPhone,
  aPush,
  fcmOptions,
  kindsOf,
  pushesOf,
  receivedHistogram,
  tokenOf,
} from "../../test/provider-fixture.ts";
import { openFcmProvider, type FcmProviderOptions } from "./fcm-provider.ts";
import type { PushProvider, PushResult } from "./push-provider.ts";

describe("the FCM provider, on a phone over TLS HTTP/2", () => {
  let phone: Phone;
  let provider: PushProvider;

  before(async () => {
    phone = await aPhone({ maxConcurrentStreams: 100 });
  });
  beforeEach(() => {
    phone.reset();
    phone.configure({ maxConcurrentStreams: 100, acceptUnknownCredentials: true });
    provider = openFcmProvider(fcmOptions(phone));
  });
  afterEach(() => provider.close());
  after(() => phone.close());

  const reopen = async (changes: Partial<FcmProviderOptions>) => {
    await provider.close();
    provider = openFcmProvider(fcmOptions(phone, changes));
  };
  const sendOne = async (): Promise<PushResult> => {
    const [result] = await provider.send([aPush()]);
    if (result === undefined) throw new Error("No result");
    return result;
  };
  const fcmRequests = () => Object.values(phone.stats().answers["fcm"] ?? {}).reduce((sum, count) => sum + count, 0);

  describe("delivers", () => {
    it("1,000 pushes exactly once each, with one exchange for an access token", async () => {
      const issuedBefore = phone.stats().tokens.access_tokens_issued;
      const results = await provider.send(pushesOf(1_000));
      expect(kindsOf(results)).to.deep.equal({ accepted: 1_000 });
      expect(receivedHistogram(phone, 1_000)).to.deep.equal({ 1: 1_000 });
      expect(phone.stats().tokens.access_tokens_issued - issuedBefore).to.equal(1);
    });

    it("several sends at once, each result in the place of its push", async () => {
      phone.addFault({ token: tokenOf(7), reason: "UNREGISTERED" });
      const sends = await Promise.all([1, 2, 3].map(() => provider.send(pushesOf(50))));
      for (const results of sends) {
        expect(results.findIndex(({ kind }) => kind === "token-dead")).to.equal(7);
        expect(kindsOf(results)).to.deep.equal({ accepted: 49, "token-dead": 1 });
      }
    });

    it("what the phone shows once, however often it is sent", async () => {
      await provider.send([aPush()]);
      await provider.send([aPush()]);
      expect(phone.device(tokenOf(0))).to.include({ received_count: 2, shown_count: 1 });
      expect(phone.device(tokenOf(0)).shown[0]).to.include({
        title: "Hello",
        user_id: "user-0",
        announcement_id: "announcement-1",
      });
    });

    it("on the same sessions from send to send", async () => {
      await provider.send(pushesOf(10));
      const opened = phone.stats().requests.sessions_opened;
      await provider.send(pushesOf(10));
      expect(phone.stats().requests.sessions_opened).to.equal(opened);
    });

    it("nothing of a payload that is too large, and says so", async () => {
      const [result] = await provider.send([aPush(0, { notification: { text: "x".repeat(4_100) } })]);
      expect(result).to.deep.include({ kind: "rejected" });
      expect(result)
        .to.have.property("reason")
        .that.matches(/^payload_too_large: \d+ bytes, 4096 allowed$/);
      expect(fcmRequests()).to.equal(0);
    });

    it("at most 1,000 pushes in one send", async () => {
      const tooMany = await provider.send(pushesOf(1_001)).catch((error: unknown) => error);
      expect(tooMany).to.be.instanceOf(RangeError);
    });
  });

  describe("reacts to what FCM answers", () => {
    it("404 UNREGISTERED: the token is dead", async () => {
      phone.addFault({ reason: "UNREGISTERED" });
      expect(await sendOne()).to.deep.equal({ kind: "token-dead", reason: "UNREGISTERED", deadSince: null });
    });

    it("404 without FCM's word for a dead token: the project is wrong and the token is kept", async () => {
      phone.addFault({ reason: "PROJECT_NOT_FOUND" });
      expect((await sendOne()).kind).to.equal("credential-refused");
    });

    it("400 INVALID_ARGUMENT about the payload: the push is rejected and the token is kept", async () => {
      phone.addFault({ reason: "INVALID_ARGUMENT" });
      expect(await sendOne()).to.deep.equal({ kind: "rejected", reason: "INVALID_ARGUMENT: message.data[0].value" });
    });

    it("400 INVALID_ARGUMENT about the token: the token is dead", async () => {
      await sendOne();
      phone.addFault({ reason: "INVALID_TOKEN" });
      expect((await sendOne()).kind).to.equal("token-dead");
    });

    it("400 about the tokens for many: not believed, so one mistake never wipes the token base", async () => {
      phone.addFault({ reason: "INVALID_TOKEN" });
      const results = await provider.send(pushesOf(400));
      expect(kindsOf(results)).to.deep.equal({ "credential-refused": 400 });
    });

    it("403 SENDER_ID_MISMATCH: the credential is refused and the rest of the send is not tried", async () => {
      await provider.send(pushesOf(400));
      phone.reset();
      phone.addFault({ reason: "SENDER_ID_MISMATCH" });
      expect(kindsOf(await provider.send(pushesOf(1_000)))).to.deep.equal({ "credential-refused": 1_000 });
      expect(fcmRequests()).to.be.at.most(400);
    });

    it("401: one new access token for all pushes that failed with the old one, and each push is sent again", async () => {
      await provider.send(pushesOf(400));
      phone.reset();
      const issuedBefore = phone.stats().tokens.access_tokens_issued;
      phone.revokeAccessTokens();
      expect(kindsOf(await provider.send(pushesOf(1_000)))).to.deep.equal({ accepted: 1_000 });
      expect(phone.stats().tokens.access_tokens_issued - issuedBefore).to.equal(1);
      expect(receivedHistogram(phone, 1_000)).to.deep.equal({ 1: 1_000 });
    });

    for (const reason of ["UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"]) {
      it(`401 ${reason} again with a new access token: the credential is refused`, async () => {
        const issuedBefore = phone.stats().tokens.access_tokens_issued;
        phone.addFault({ reason });
        const result = await sendOne();
        expect(result).to.deep.equal({ kind: "credential-refused", reason });
        expect(fcmRequests()).to.equal(2);
        expect(phone.stats().tokens.access_tokens_issued - issuedBefore).to.equal(2);
      });
    }

    it("429 QUOTA_EXCEEDED: obeys Retry-After for the whole lane", async () => {
      await provider.send(pushesOf(400));
      phone.reset();
      phone.addFault({ reason: "QUOTA_EXCEEDED", retry_after: 30 });
      const results = await provider.send(pushesOf(1_000));
      expect(kindsOf(results)).to.deep.equal({ unavailable: 1_000 });
      const asked = fcmRequests();
      expect(asked).to.be.at.most(400);
      const again = await sendOne();
      expect(again).to.include({ kind: "unavailable", reason: "QUOTA_EXCEEDED", scope: "lane", mayHaveArrived: false });
      expect(again).to.have.property("retryAfterMs").that.is.within(25_000, 30_000);
      expect(fcmRequests()).to.equal(asked);
    });

    it("429 without Retry-After: a minute", async () => {
      phone.addFault({ reason: "QUOTA_EXCEEDED" });
      expect(await sendOne())
        .to.have.property("retryAfterMs")
        .that.is.within(59_000, 60_000);
    });

    it("503 with Retry-After: the lane waits that long, then goes on", async () => {
      phone.addFault({ reason: "UNAVAILABLE", retry_after: 0, times: 1 });
      expect(await sendOne()).to.include({
        kind: "unavailable",
        reason: "UNAVAILABLE",
        scope: "lane",
        retryAfterMs: 0,
      });
      expect((await sendOne()).kind).to.equal("accepted");
    });

    for (const reason of ["UNAVAILABLE", "INTERNAL"]) {
      it(`${reason} without Retry-After: this push waits a moment (lane-state.test.ts: longer each time), the others go on`, async () => {
        phone.addFault({ reason, token: tokenOf(0) });
        const waits: number[] = [];
        for (let attempt = 0; attempt < 4; attempt += 1) {
          const result = await sendOne();
          if (result.kind === "unavailable" && result.scope === "push") waits.push(result.retryAfterMs);
        }
        expect(waits).to.have.length(4);
        for (const waitMs of waits) expect(waitMs).to.be.within(1_000, 2_000);
        expect((await provider.send([aPush(1)]))[0]).to.include({ kind: "accepted" });
      });
    }
  });

  describe("reacts to what the token endpoint answers", () => {
    it("invalid_grant: the credential is refused and no push is tried", async () => {
      phone.configure({ acceptUnknownCredentials: false });
      const serviceAccount = { ...phone.credentialFiles().service_account, client_email: "someone@else.example" };
      await reopen({ serviceAccount });
      const results = await provider.send(pushesOf(1_000));
      expect(kindsOf(results)).to.deep.equal({ "credential-refused": 1_000 });
      expect(results[0]).to.have.property("reason").that.includes("account not found");
      expect(fcmRequests()).to.equal(0);
    });

    it("a private key that is none: the credential is refused", async () => {
      await reopen({ serviceAccount: { ...phone.credentialFiles().service_account, private_key: "nonsense" } });
      expect((await sendOne()).kind).to.equal("credential-refused");
    });

    it("503: unavailable, and the pushes after it do not ask again", async () => {
      phone.addFault({ protocol: "oauth", answer: { status: 503 } });
      await reopen({});
      expect(kindsOf(await provider.send(pushesOf(100)))).to.deep.equal({ unavailable: 100 });
      expect(fcmRequests()).to.equal(0);
      phone.removeFaults();
    });
  });

  describe("survives the network", () => {
    it("GOAWAY in the middle of 1,000 pushes: the refused streams are sent again, each push arrives once", async () => {
      await provider.send(pushesOf(400));
      phone.reset();
      phone.addFault({ behaviour: "goaway", skip: 300, times: 3 });
      expect(kindsOf(await provider.send(pushesOf(1_000)))).to.deep.equal({ accepted: 1_000 });
      expect(receivedHistogram(phone, 1_000)).to.deep.equal({ 1: 1_000 });
    });

    it("GOAWAY and then silence: only what was under way is unavailable, and said to have perhaps arrived", async () => {
      await provider.send(pushesOf(400));
      phone.reset();
      phone.addFault({ behaviour: "goaway-unanswered", skip: 300, times: 1, arrives: true });
      const results = await provider.send(pushesOf(1_000));
      const lost = results.filter(({ kind }) => kind === "unavailable");
      expect(lost.length).to.be.within(1, 100);
      expect(lost.every((result) => result.kind === "unavailable" && result.mayHaveArrived)).to.equal(true);
      expect(kindsOf(results)["accepted"]).to.equal(1_000 - lost.length);
    });

    it("a refused stream: sent again at once", async () => {
      phone.addFault({ behaviour: "refuse", times: 1 });
      expect((await sendOne()).kind).to.equal("accepted");
    });

    it("a stream limit of 1: all pushes arrive, one by one", async () => {
      phone.configure({ maxConcurrentStreams: 1 });
      await reopen({});
      expect(kindsOf(await provider.send(pushesOf(200)))).to.deep.equal({ accepted: 200 });
      expect(receivedHistogram(phone, 200)).to.deep.equal({ 1: 200 });
    });

    it("a stream limit that falls while pushes are under way", async () => {
      await provider.send(pushesOf(400));
      phone.reset();
      const sending = provider.send(pushesOf(1_000));
      phone.configure({ maxConcurrentStreams: 2 });
      expect(kindsOf(await sending)).to.deep.equal({ accepted: 1_000 });
      expect(receivedHistogram(phone, 1_000)).to.deep.equal({ 1: 1_000 });
    });

    it("a hung stream: that push is unavailable after its timeout, the others are not kept", async () => {
      await reopen({ requestTimeoutMs: 150 });
      phone.addFault({ behaviour: "hang", token: tokenOf(3) });
      const results = await provider.send(pushesOf(50));
      expect(kindsOf(results)).to.deep.equal({ accepted: 49, unavailable: 1 });
      expect(results[3]).to.include({ kind: "unavailable", reason: "timeout", mayHaveArrived: true, scope: "push" });
    });

    it("a connection that has gone dumb: given up with its first timeout, so that the next send gets through", async () => {
      await reopen({ requestTimeoutMs: 150, sessions: 1 });
      await sendOne();
      phone.addFault({ behaviour: "hang" });
      expect(kindsOf(await provider.send(pushesOf(20)))).to.deep.equal({ unavailable: 20 });
      const opened = phone.stats().requests.sessions_opened;
      phone.removeFaults();
      expect((await sendOne()).kind).to.equal("accepted");
      expect(phone.stats().requests.sessions_opened).to.equal(opened + 1);
    });

    it("a TLS connection that is reset: what was under way is unavailable, the rest goes over a new one", async () => {
      // Long enough that a busy machine does not have the other connections taken for dead.
      await reopen({ quietMs: 1_000 });
      await provider.send(pushesOf(400));
      phone.reset();
      phone.addFault({ behaviour: "reset", skip: 200, times: 1 });
      const results = await provider.send(pushesOf(1_000));
      const { accepted = 0, unavailable = 0 } = kindsOf(results);
      expect(accepted + unavailable).to.equal(1_000);
      expect(unavailable).to.be.within(1, 100);
      expect(kindsOf(await provider.send(pushesOf(100)))).to.deep.equal({ accepted: 100 });
    });

    it("nobody there: every push is unavailable, with one attempt to connect", async () => {
      const nobody = createServer().listen(0, "127.0.0.1");
      await once(nobody, "listening");
      let dialled = 0;
      nobody.on("connection", (socket: Socket) => {
        dialled += 1;
        socket.resetAndDestroy();
      });
      const address = nobody.address();
      if (address === null || typeof address === "string") throw new Error("No port");
      await reopen({ url: `https://localhost:${address.port}`, sessions: 1 });
      const results = await provider.send(pushesOf(1_000));
      nobody.close();
      expect(kindsOf(results)).to.deep.equal({ unavailable: 1_000 });
      expect(results.every((result) => result.kind === "unavailable" && !result.mayHaveArrived)).to.equal(true);
      expect(dialled).to.be.at.most(2);
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
