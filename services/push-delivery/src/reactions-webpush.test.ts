import type { Phone } from "@strata/phone";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { answeredBehind, openAnnouncer } from "../test/announcing.ts";
import { aPhone } from "../test/provider-fixture.ts";

const answer = (status: number, headers: Record<string, string> = {}) => ({
  protocol: "webpush" as const,
  answer: { status, headers },
});

/** What becomes of a push to a browser, of its subscription and of its key pair. */
describe("behind an answer of a push service", () => {
  let phone: Phone;
  let announcer: Awaited<ReturnType<typeof openAnnouncer>>;
  before(async () => {
    phone = await aPhone();
    announcer = await openAnnouncer("reactions-webpush", phone, { refusedForMs: 300 });
  });
  after(async () => {
    await announcer[Symbol.asyncDispose]();
    await phone.close();
  });
  beforeEach(() => phone.reset());

  const anApp = (count = 4) => announcer.anApp("webpush", count);

  for (const status of [404, 410]) {
    it(`${status}: the subscription that was sent to is forgotten, one that was registered again meanwhile is not`, async () => {
      const app = await anApp();
      phone.addFault({ ...answer(status), token: app.devices[0]?.token ?? "" });
      const providers = answeredBehind(announcer.pusher.deps.providers, () => app.registerAgain());
      expect(await app.became(await app.announce({ providers }))).to.deep.equal({
        [`status ${status}`]: 1,
        accepted: 3,
      });
      expect(await app.tokensLeft()).to.equal(4);
      // What was registered just now is older than the next push.
      await app.announce();
      expect(await app.tokensLeft()).to.equal(3);
    });
  }

  it("413: the push fails, its subscription stays, and the next one arrives", async () => {
    const app = await anApp();
    phone.addFault(answer(413));
    expect(await app.became(await app.announce())).to.deep.equal({ "payload_too_large: status 413": 4 });
    expect(await app.tokensLeft()).to.equal(4);
    phone.removeFaults();
    expect(await app.became(await app.announce())).to.deep.equal({ accepted: 4 });
  });

  for (const status of [401, 403]) {
    it(`${status} to a key pair that was never taken: the lane is parked and shown as refused, and all is sent once it is put right`, async () => {
      const app = await anApp();
      phone.addFault(answer(status));
      const plan = await app.announce();
      expect(await app.isParked(plan)).to.equal(true);
      await eventually(() => app.credentialState(), "refused");
      expect(await app.tokensLeft()).to.equal(4);
      phone.removeFaults();
      expect(await app.untilReceived()).to.deep.equal([1, 1, 1, 1]);
      await eventually(() => app.credentialState(), "ok");
    });
  }

  it("403 to one of many subscriptions: its push fails, it is kept, and nobody waits", async () => {
    const app = await anApp();
    await app.announce();
    phone.addFault({ ...answer(403), token: app.devices[0]?.token ?? "" });
    const plan = await app.announce();
    expect(await app.became(plan)).to.deep.equal({ "subscribed_with_another_key: status 403": 1, accepted: 3 });
    expect(await app.tokensLeft()).to.equal(4);
  });

  it("429: nothing is sent before its Retry-After, everything after", async () => {
    const app = await anApp();
    phone.addFault({ ...answer(429, { "retry-after": "2" }), times: 1 });
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

  for (const status of [500, 503]) {
    it(`${status}: the push waits, and is sent when the push service is back`, async () => {
      const app = await anApp();
      phone.addFault({ ...answer(status), token: app.devices[0]?.token ?? "" });
      const plan = await app.announce();
      expect(app.received()).to.deep.equal([0, 1, 1, 1]);
      expect(await app.waits(plan)).to.have.lengthOf(1);
      phone.removeFaults();
      expect(await app.untilReceived()).to.deep.equal([1, 1, 1, 1]);
      expect(await app.tokensLeft()).to.equal(4);
    });
  }
});
