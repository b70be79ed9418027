import type { Phone } from "@strata/phone";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { answeredBehind, openAnnouncer } from "../test/announcing.ts";
import { aPhone } from "../test/provider-fixture.ts";

/** Row by row the table of APNs' answers: what becomes of the push, of its token and of its credential. */
describe("behind an answer of APNs", () => {
  let phone: Phone;
  let announcer: Awaited<ReturnType<typeof openAnnouncer>>;
  before(async () => {
    phone = await aPhone();
    announcer = await openAnnouncer("reactions-apns", phone, { refusedForMs: 300 });
  });
  after(async () => {
    await announcer[Symbol.asyncDispose]();
    await phone.close();
  });
  beforeEach(() => phone.reset());

  const anApp = (count = 4) => announcer.anApp("apns", count);
  const requests = () => Object.values(phone.stats().answers["apns"] ?? {}).reduce((sum, count) => sum + count, 0);

  for (const reason of ["Unregistered", "ExpiredToken"]) {
    describe(`410 ${reason}`, () => {
      it("the token is forgotten that was registered before its time, and the others get their pushes", async () => {
        const app = await anApp();
        phone.addFault({ reason, token: app.devices[0]?.token ?? "", timestamp: Date.now() });
        const plan = await app.announce();
        expect(await app.tokensLeft()).to.equal(3);
        expect(await app.became(plan)).to.deep.equal({ [reason]: 1, accepted: 3 });
      });

      it("the token stays that was registered behind its time", async () => {
        const app = await anApp();
        phone.addFault({ reason, token: app.devices[0]?.token ?? "", timestamp: Date.now() - 120_000 });
        await app.announce();
        expect(await app.tokensLeft()).to.equal(4);
      });

      it("the token stays that was registered again while the answer was under way", async () => {
        const app = await anApp();
        phone.addFault({ reason, token: app.devices[0]?.token ?? "", timestamp: Date.now() });
        const providers = answeredBehind(announcer.pusher.deps.providers, () => app.registerAgain());
        await app.announce({ providers });
        expect(await app.tokensLeft()).to.equal(4);
      });
    });
  }

  it("403 ExpiredProviderToken once: one new token, and each push arrives without having waited", async () => {
    const app = await anApp();
    await app.announce();
    const seen = phone.stats().tokens.apns_tokens_seen;
    phone.addFault({ reason: "ExpiredProviderToken", times: 4 });
    expect(await app.became(await app.announce())).to.deep.equal({ accepted: 4 });
    expect(phone.stats().tokens.apns_tokens_seen).to.equal(seen + 1);
    expect(app.received()).to.deep.equal([2, 2, 2, 2]);
  });

  it("403 ExpiredProviderToken that stays: the lane is parked and shown as refused, tokens stay, and no third token is signed", async () => {
    const app = await anApp();
    const seen = phone.stats().tokens.apns_tokens_seen;
    phone.addFault({ reason: "ExpiredProviderToken" });
    const plan = await app.announce();
    for (let again = 0; again < 3; again += 1) await app.tryAgain();
    expect(await app.isParked(plan)).to.equal(true);
    expect(await app.waits(plan)).to.have.lengthOf(4);
    await eventually(() => app.credentialState(), "refused");
    expect(await app.tokensLeft()).to.equal(4);
    expect(phone.stats().tokens.apns_tokens_seen).to.be.at.most(seen + 2);
  });

  for (const reason of ["InvalidProviderToken", "BadTopic"]) {
    it(`${reason}: the lane is parked and shown as refused, tokens stay, and all is sent once it is put right`, async () => {
      const app = await anApp();
      phone.addFault({ reason });
      const plan = await app.announce();
      expect(await app.isParked(plan)).to.equal(true);
      for (const wait of await app.waits(plan)) expect(wait).to.be.within(200_000, 300_000);
      await eventually(() => app.credentialState(), "refused");
      expect(await app.tokensLeft()).to.equal(4);
      phone.removeFaults();
      expect(await app.untilReceived()).to.deep.equal([1, 1, 1, 1]);
      await eventually(() => app.credentialState(), "ok");
      expect(await app.became(plan)).to.deep.equal({ accepted: 4 });
    });
  }

  it("429 TooManyProviderTokenUpdates: the lane waits for twenty minutes, and signs no other token", async () => {
    const app = await anApp();
    const seen = phone.stats().tokens.apns_tokens_seen;
    phone.addFault({ reason: "TooManyProviderTokenUpdates", times: 1 });
    const plan = await app.announce();
    for (const wait of await app.waits(plan)) expect(wait).to.be.within(1_100_000, 1_200_000);
    await app.tryAgain();
    await app.announce();
    expect(requests()).to.equal(1);
    expect(phone.stats().tokens.apns_tokens_seen).to.equal(seen + 1);
    expect(await app.tokensLeft()).to.equal(4);
  });

  it("429 TooManyRequests: that device alone waits, as long as Retry-After says, and gets it under the same collapse id", async () => {
    const app = await anApp();
    phone.addFault({ reason: "TooManyRequests", token: app.devices[0]?.token ?? "", retry_after: 40 });
    const plan = await app.announce();
    expect(app.received()).to.deep.equal([0, 1, 1, 1]);
    const waits = await app.waits(plan);
    expect(waits).to.have.lengthOf(1);
    expect(waits[0]).to.be.within(30_000, 40_000);
    phone.removeFaults();
    expect(await app.untilReceived()).to.deep.equal([1, 1, 1, 1]);
    const ids = app.devices.map(({ token }) => phone.device(token).received[0]?.headers["apns-collapse-id"]);
    expect(new Set(ids).size).to.equal(1);
  });

  it("413 PayloadTooLarge: the pushes fail, all tokens stay, and the next announcement arrives", async () => {
    const app = await anApp(60);
    phone.addFault({ reason: "PayloadTooLarge" });
    expect(await app.became(await app.announce())).to.deep.equal({ PayloadTooLarge: 60 });
    expect(await app.tokensLeft()).to.equal(60);
    phone.removeFaults();
    expect(await app.became(await app.announce())).to.deep.equal({ accepted: 60 });
  });

  for (const reason of ["InternalServerError", "ServiceUnavailable", "Shutdown"]) {
    it(`${reason}: the push waits, and is sent under its collapse id over a new session`, async () => {
      const app = await anApp(2);
      const opened = phone.stats().requests.sessions_opened;
      phone.addFault({ reason, token: app.devices[0]?.token ?? "" });
      const plan = await app.announce();
      expect(await app.became(plan)).to.deep.equal({ accepted: 1 });
      expect(await app.waits(plan)).to.have.lengthOf(1);
      phone.removeFaults();
      expect(await app.untilReceived()).to.deep.equal([1, 1]);
      expect(phone.stats().requests.sessions_opened).to.equal(opened + 2);
      const ids = app.devices.map(({ token }) => phone.device(token).received[0]?.headers["apns-collapse-id"]);
      expect(new Set(ids).size).to.equal(1);
      expect(await app.tokensLeft()).to.equal(2);
    });
  }
});
