import type { FaultRequest, Phone } from "@strata/phone";
import { expect } from "chai";
import { openAnnouncer } from "../test/announcing.ts";
import { aPhone } from "../test/provider-fixture.ts";

type Announcer = Awaited<ReturnType<typeof openAnnouncer>>;

describe("what a provider says of very many tokens at once", () => {
  let phone: Phone;
  let announcer: Announcer;
  before(async () => {
    phone = await aPhone();
    announcer = await openAnnouncer("mass-faults", phone);
  });
  after(async () => {
    await announcer[Symbol.asyncDispose]();
    await phone.close();
  });
  beforeEach(() => phone.removeFaults());

  const MALFORMED = [
    ["apns", "BadDeviceToken"],
    ["apns", "DeviceTokenNotForTopic"],
    ["fcm", "INVALID_TOKEN"],
  ] as const;

  for (const [door, reason] of MALFORMED) {
    it(`${reason} for a whole chunk: no token is forgotten, the lane is parked and its pushes wait`, async () => {
      const app = await announcer.anApp(door, 300);
      phone.addFault({ reason });
      const plan = await app.announce();
      expect(await app.tokensLeft()).to.equal(300);
      expect(await app.isParked(plan)).to.equal(true);
      expect(await app.waits(plan)).to.have.lengthOf(300);
      expect(await app.outcomes(plan)).to.deep.equal([]);
    });

    it(`${reason} for a whole chunk of an app whose pushes were taken until now: no token is forgotten`, async () => {
      const app = await announcer.anApp(door, 300);
      expect(await app.became(await app.announce())).to.deep.equal({ accepted: 300 });
      phone.addFault({ reason });
      const plan = await app.announce();
      expect(await app.tokensLeft()).to.equal(300);
      expect(await app.isParked(plan)).to.equal(true);
    });

    it(`${reason} for all phones of a small app of whose pushes none was ever taken: no token is forgotten`, async () => {
      const app = await announcer.anApp(door, 2);
      phone.addFault({ reason });
      for (let announced = 0; announced < 3; announced += 1) await app.announce();
      expect(await app.tokensLeft()).to.equal(2);
    });

    it(`${reason} for one phone among others whose pushes are taken: its token is forgotten`, async () => {
      const app = await announcer.anApp(door, 6);
      phone.addFault({ reason, token: app.devices[2]?.token ?? "" });
      await app.announce();
      expect(await app.tokensLeft()).to.equal(5);
    });
  }

  const GONE: readonly (readonly ["fcm" | "apns" | "webpush", FaultRequest])[] = [
    ["fcm", { reason: "UNREGISTERED" }],
    ["apns", { reason: "Unregistered" }],
    ["webpush", { protocol: "webpush", answer: { status: 410 } }],
  ];

  for (const [door, fault] of GONE) {
    it(`${fault.reason ?? 410} for nearly all of a chunk: no token is forgotten, and who is there gets her pushes`, async () => {
      const app = await announcer.anApp(door, 100);
      const present = app.devices.slice(0, 5).map(({ token }) => token);
      for (const { token } of app.devices.slice(5)) phone.addFault({ ...fault, token });
      const plan = await app.announce();
      expect(await app.tokensLeft()).to.equal(100);
      expect(await app.became(plan)).to.include({ accepted: 5 });
      expect(await app.waits(plan), "nobody waits").to.deep.equal([]);
      await app.announce();
      expect(present.map((token) => phone.device(token).received_count)).to.deep.equal([2, 2, 2, 2, 2]);
      expect(await app.tokensLeft()).to.equal(100);
    });

    it(`${fault.reason ?? 410} for a third of a chunk: people leave, and their tokens are forgotten`, async () => {
      const app = await announcer.anApp(door, 90);
      for (const { token } of app.devices.slice(60)) phone.addFault({ ...fault, token });
      await app.announce();
      expect(await app.tokensLeft()).to.equal(60);
    });
  }
});
