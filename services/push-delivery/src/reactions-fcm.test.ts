import type { Phone } from "@strata/phone";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { answeredBehind, openAnnouncer } from "../test/announcing.ts";
import { aPhone } from "../test/provider-fixture.ts";

/** Row by row the table of FCM's answers: what becomes of the push, of its token and of its credential. */
describe("behind an answer of FCM", () => {
  let phone: Phone;
  let announcer: Awaited<ReturnType<typeof openAnnouncer>>;
  before(async () => {
    phone = await aPhone();
    announcer = await openAnnouncer("reactions-fcm", phone, { refusedForMs: 300 });
  });
  after(async () => {
    await announcer[Symbol.asyncDispose]();
    await phone.close();
  });
  beforeEach(() => phone.reset());

  const anApp = (count = 4) => announcer.anApp("fcm", count);

  describe("404 UNREGISTERED", () => {
    it("the token that was sent to is forgotten, and the others get their pushes", async () => {
      const app = await anApp();
      phone.addFault({ reason: "UNREGISTERED", token: app.devices[0]?.token ?? "" });
      const plan = await app.announce();
      expect(await app.tokensLeft()).to.equal(3);
      expect(await app.became(plan)).to.deep.equal({ UNREGISTERED: 1, accepted: 3 });
      expect(app.received()).to.deep.equal([0, 1, 1, 1]);
    });

    it("the token stays where it was registered again while the answer was under way", async () => {
      const app = await anApp();
      phone.addFault({ reason: "UNREGISTERED", token: app.devices[0]?.token ?? "" });
      const providers = answeredBehind(announcer.pusher.deps.providers, () => app.registerAgain());
      await app.announce({ providers });
      expect(await app.tokensLeft()).to.equal(4);
    });
  });

  it("400 INVALID_ARGUMENT about the payload: the pushes fail, all tokens stay, and the next announcement arrives", async () => {
    const app = await anApp(60);
    phone.addFault({ reason: "INVALID_ARGUMENT" });
    const plan = await app.announce();
    expect(await app.became(plan)).to.deep.equal({ "INVALID_ARGUMENT: message.data[0].value": 60 });
    expect(await app.tokensLeft()).to.equal(60);
    phone.removeFaults();
    expect(await app.became(await app.announce())).to.deep.equal({ accepted: 60 });
  });

  for (const reason of ["SENDER_ID_MISMATCH", "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"]) {
    it(`${reason} that stays: the lane is parked and shown as refused, tokens stay, all is sent once it is put right`, async () => {
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

  it("401 once: a new access token, and each push arrives without having waited", async () => {
    const app = await anApp();
    await app.announce();
    phone.revokeAccessTokens();
    const issued = phone.stats().tokens.access_tokens_issued;
    expect(await app.became(await app.announce())).to.deep.equal({ accepted: 4 });
    expect(phone.stats().tokens.access_tokens_issued).to.equal(issued + 1);
    expect(app.received()).to.deep.equal([2, 2, 2, 2]);
  });

  it("429 QUOTA_EXCEEDED with Retry-After: nothing is sent before, everything after", async () => {
    const app = await anApp();
    phone.addFault({ reason: "QUOTA_EXCEEDED", retry_after: 2, times: 1 });
    const startedAt = Date.now();
    const plan = await app.announce();
    expect(await app.waits(plan)).to.not.deep.equal([]);
    const first = app.received();
    expect(await app.untilReceived()).to.deep.equal([1, 1, 1, 1]);
    const late = app.devices.filter((_, index) => first[index] === 0);
    for (const { token } of late) {
      const at = Date.parse(phone.device(token).received[0]?.received_at ?? "");
      expect(at).to.be.at.least(startedAt + 2_000);
    }
  });

  it("429 QUOTA_EXCEEDED without Retry-After: the pushes wait a minute", async () => {
    const app = await anApp(1);
    phone.addFault({ reason: "QUOTA_EXCEEDED" });
    const [wait] = await app.waits(await app.announce());
    expect(wait).to.be.within(50_000, 60_000);
  });

  for (const reason of ["UNAVAILABLE", "INTERNAL"]) {
    it(`${reason}: the push waits, and is sent under its collapse id when FCM is back`, async () => {
      const app = await anApp(2);
      phone.addFault({ reason, token: app.devices[0]?.token ?? "" });
      const plan = await app.announce();
      expect(await app.became(plan)).to.deep.equal({ accepted: 1 });
      expect(await app.waits(plan)).to.have.lengthOf(1);
      await app.tryAgain();
      expect(app.received()).to.deep.equal([0, 1]);
      phone.removeFaults();
      expect(await app.untilReceived()).to.deep.equal([1, 1]);
      const ids = app.devices.map(({ token }) => phone.device(token).received[0]?.collapse_id);
      expect(new Set(ids).size).to.equal(1);
      expect(await app.tokensLeft()).to.equal(2);
    });
  }

  it("UNAVAILABLE until the end of its life: the push is given up, and its token is not", async () => {
    const app = await anApp(1);
    phone.addFault({ reason: "UNAVAILABLE" });
    const plan = await app.announce({ ttlMs: 1_500 });
    await eventually(
      async () => {
        await app.tryAgain();
        return app.became(plan);
      },
      { expired: 1 },
    );
    expect(await app.tokensLeft()).to.equal(1);
    expect(app.received()).to.deep.equal([0]);
  });
});
