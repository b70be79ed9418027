import type { Phone } from "@strata/phone";
import { eventually, testLogger } from "@strata/testing";
import { expect } from "chai";
import { type Door, openAnnouncer, throughClients } from "../test/announcing.ts";
import { aPhone, apnsOptions, fcmOptions, SentStreams, webPushOptions } from "../test/provider-fixture.ts";
import { startDuePushes } from "./due-pushes.ts";
import { openApnsProvider } from "./providers/apns-provider.ts";
import { openFcmProvider } from "./providers/fcm-provider.ts";
import { openPace } from "./providers/pace.ts";
import type { PushProvider } from "./providers/push-provider.ts";
import { openWebPushProvider } from "./providers/webpush-provider.ts";

const PER_MINUTE = { slow: 1_200, ramped: 6_000 };

const all = (length: number, count: number) => Array.from({ length }, () => count);

describe("a plan of pushes, while its provider", function plans() {
  this.timeout(60_000);
  let phone: Phone;
  let announcer: Awaited<ReturnType<typeof openAnnouncer>>;
  /** Whose credential has a pace, in pushes a minute. */
  const paced = new Map<string, number>();
  before(async () => {
    phone = await aPhone({ maxConcurrentStreams: 100 });
    announcer = await openAnnouncer("provider-faults", phone, {
      paceOf(_kind, app, key) {
        const perMinute = paced.get(app);
        return perMinute === undefined
          ? null
          : openPace({ perMinute, key, redis: null, log: testLogger("push-delivery") });
      },
    });
  });
  after(async () => {
    await announcer[Symbol.asyncDispose]();
    await phone.close();
  });
  beforeEach(() => phone.reset());

  for (const door of ["fcm", "apns"] as const) {
    it(`says GOAWAY in the middle of 1,000 (${door}): each has one outcome and arrives once, sent again as the same push`, async () => {
      const app = await announcer.anApp(door, 1_000);
      phone.addFault({ behaviour: "goaway", skip: 300, times: 1 });
      using sent = new SentStreams();
      const plan = await app.announce();
      expect(await app.became(plan)).to.deep.equal({ accepted: 1_000 });
      expect(new Set((await app.outcomes(plan)).map(({ user }) => user)).size).to.equal(1_000);
      expect(app.received()).to.deep.equal(all(1_000, 1));
      expect(sent.headers.length).to.be.greaterThan(1_000);
      if (door === "apns") expect(new Set(sent.headers.map((headers) => headers["apns-id"])).size).to.equal(1_000);
    });

    it(`has its TLS connection reset in the middle of 1,000 (${door}): what may have arrived waits, the rest is sent, none is lost`, async () => {
      const app = await announcer.anApp(door, 1_000);
      phone.addFault({ behaviour: "reset", skip: 300, times: 1 });
      const plan = await app.announce();
      const waiting = await app.waiting(plan);
      expect(waiting.size).to.be.within(1, 999);
      expect(await app.became(plan)).to.deep.equal({ accepted: 1_000 - waiting.size });
      await eventually(
        async () => {
          await app.tryAgain();
          return app.became(plan);
        },
        { accepted: 1_000 },
        { deadlineMs: 30_000, everyMs: 200 },
      );
      expect(app.shown()).to.deep.equal(all(1_000, 1));
      const received = app.received();
      const twice = app.devices.filter((_, index) => received[index] !== 1);
      expect(twice.filter(({ token }) => !waiting.has(token))).to.deep.equal([]);
    });
  }

  it("says 429, holds up its own app alone, until Retry-After is over and then slowly", async () => {
    const [app, other] = [await announcer.anApp("fcm", 60), await announcer.anApp("fcm", 60)];
    paced.set(app.app, PER_MINUTE.ramped);
    phone.addFault({ reason: "QUOTA_EXCEEDED", retry_after: 1 });
    const startedAt = Date.now();
    const plan = await app.announce();
    phone.removeFaults();
    expect((await app.waiting(plan)).size).to.equal(60);
    expect(await other.became(await other.announce())).to.deep.equal({ accepted: 60 });
    expect(app.received()).to.deep.equal(all(60, 0));

    const duePushes = startDuePushes(announcer.pusher.deps, 20);
    await eventually(() => app.became(plan), { accepted: 60 }, { deadlineMs: 40_000 });
    await duePushes.close();
    expect(app.received()).to.deep.equal(all(60, 1));
    const times = app.devices.map(({ token }) => Date.parse(phone.device(token).received[0]?.received_at ?? ""));
    expect(Math.min(...times)).to.be.at.least(startedAt + 1_000);
    // At a tenth of the pace two seconds are worth 27 pushes, where the whole pace would have sent all sixty at once.
    expect(times.filter((at) => at < startedAt + 3_000).length).to.be.at.most(27);
  });

  it("is paced: what has no token waits for it and holds up no other chunk and no other app", async () => {
    const [app, other] = [await announcer.anApp("apns", 50), await announcer.anApp("apns", 50)];
    paced.set(app.app, PER_MINUTE.slow);
    const plan = await app.announce();
    expect((await app.waiting(plan)).size).to.equal(30);
    phone.addFault({ reason: "ServiceUnavailable", token: other.devices[0]?.token ?? "", times: 1 });
    const others = await other.announce();
    expect(await other.became(others)).to.deep.equal({ accepted: 49 });
    const more = await Promise.all(Array.from({ length: 2 }, () => app.announce()));

    const duePushes = startDuePushes(announcer.pusher.deps, 20);
    await eventually(() => other.became(others), { accepted: 50 });
    expect((await Promise.all(more.map((one) => app.waiting(one)))).some(({ size }) => size > 0)).to.equal(true);
    await eventually(() => app.became(plan), { accepted: 50 }, { deadlineMs: 40_000 });
    await duePushes.close();
    expect(other.received()).to.deep.equal(all(50, 1));
  });

  const HURRIED = { requestTimeoutMs: 400, sendDeadlineMs: 300 };
  const clientOf = {
    fcm: () => openFcmProvider(fcmOptions(phone, { ...HURRIED, sessions: 1, maxStreamsPerSession: 2 })),
    apns: () => openApnsProvider(apnsOptions(phone, { ...HURRIED, maxStreams: 2 })),
    webpush: ({ vapid }: Awaited<ReturnType<typeof announcer.anApp>>) =>
      openWebPushProvider(
        webPushOptions(phone, {
          ...HURRIED,
          socketsPerHost: 2,
          credential: { kind: "webpush", subject: "mailto:ops@shop.example", ...vapid },
        }),
      ),
  } satisfies Record<Door, unknown>;

  for (const door of ["fcm", "apns", "webpush"] as const) {
    it(`never answers (${door}): the send ends with its deadline, begins nothing behind it, and all are tried again`, async () => {
      const app = await announcer.anApp(door, 30);
      const client: PushProvider = clientOf[door](app);
      const providers = throughClients(announcer.pusher.deps.providers, () => client);
      phone.addFault({ behaviour: "hang" });
      const plan = await app.announce({ providers });
      expect((await app.waiting(plan)).size).to.equal(30);
      expect(await app.outcomes(plan)).to.deep.equal([]);
      expect(phone.stats().requests.faults).to.be.within(1, 2);
      phone.removeFaults();
      expect(await app.untilReceived()).to.deep.equal(all(30, 1));
      expect(await app.became(plan)).to.deep.equal({ accepted: 30 });
      expect(await app.tokensLeft()).to.equal(30);
      await client.close();
    });
  }
});
