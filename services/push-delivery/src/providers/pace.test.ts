import { randomUUID } from "node:crypto";
import { openRedis, type RedisConnection } from "@strata/runtime";
import { eventually, type Infra, openInfra, type TcpProxy, tcpProxy, testLogger } from "@strata/testing";
import { expect } from "chai";
import { aPhone, aPush, apnsOptions, fcmOptions, kindsOf, pushesOf } from "../../test/provider-fixture.ts";
import { openApnsProvider } from "./apns-provider.ts";
import { openFcmProvider } from "./fcm-provider.ts";
import { openPace, type Pace, pacesFor } from "./pace.ts";

const PER_MINUTE = 60_000;
/** What may go at once of it, and what flows in each millisecond. */
const BURST = 1_000;
const REFILL_PER_MS = (PER_MINUTE - BURST) / 60_000;

describe("the pace of a credential, on a real Redis", () => {
  const resources = new AsyncDisposableStack();
  const log = testLogger("push-delivery");
  let infra: Infra;
  let redis: RedisConnection;

  before(async () => {
    infra = resources.use(await openInfra("pace"));
    redis = await openRedis(infra.redisUrl, log, { keyPrefix: infra.redisPrefix });
    resources.defer(() => redis.close());
  });
  after(() => resources.disposeAsync());

  const aPace = (key: string, connection: RedisConnection | null = redis): Pace =>
    openPace({ perMinute: PER_MINUTE, key, redis: connection?.redis ?? null, log });

  /** Who is told so does not wait until Redis is. */
  const untilSlowed = (key: string): Promise<unknown> =>
    eventually(
      async () => Number(await redis.redis.hget(`pace:${key}`, "ramp")),
      (rampFrom) => rampFrom > 0,
    );

  it("is one for all replicas: together they never get more than the rate, however they ask", async () => {
    const key = randomUUID();
    const replicas = [aPace(key), aPace(key), aPace(key)];
    const startedAt = performance.now();
    let granted = 0;
    const ask = async (pace: Pace): Promise<void> => {
      for (let asked = 0; asked < 50; asked += 1) {
        const one = await pace.take(100);
        granted += one.granted;
      }
    };
    await Promise.all(replicas.map(ask));
    // Redis tells the time in whole milliseconds.
    const passedMs = performance.now() - startedAt + 2;
    expect(granted).to.be.at.least(BURST);
    expect(granted).to.be.at.most(BURST + passedMs * REFILL_PER_MS);
  });

  it("is each credential's own", async () => {
    const [first, second] = [aPace(randomUUID()), aPace(randomUUID())];
    expect((await first.take(BURST)).granted).to.equal(BURST);
    expect((await second.take(BURST)).granted).to.equal(BURST);
  });

  it("shares what is there out among sends that ask together, first come first served", async () => {
    const pace = aPace(randomUUID());
    const grants = await Promise.all([400, 400, 400, 400].map((wanted) => pace.take(wanted)));
    const granted = grants.map((grant) => grant.granted);
    expect(granted.slice(0, 2)).to.deep.equal([400, 400]);
    expect(granted[2]).to.be.within(200, 399);
    expect(granted[3]).to.equal(0);
    expect(grants[3]?.retryAfterMs).to.be.within(1, 30_000);
  });

  it("is slower for all replicas after one of them was told that it is too much", async () => {
    const key = randomUUID();
    const [one, other] = [aPace(key), aPace(key)];
    one.slowDown(60_000);
    await untilSlowed(key);
    const { granted, retryAfterMs } = await other.take(BURST);
    expect(granted).to.be.at.most(BURST / 10);
    // At a tenth of the rate.
    expect(retryAfterMs).to.be.greaterThan(5_000);
  });

  it("goes on after Redis was flushed, and no process has more than the rate by that", async () => {
    const key = randomUUID();
    const [one, other] = [aPace(key), aPace(key)];
    const startedAt = performance.now();
    const first = (await one.take(BURST)).granted;
    await redis.redis.del(`pace:${key}`);
    const second = (await one.take(BURST)).granted;
    const passedMs = performance.now() - startedAt + 2;
    expect(first).to.equal(BURST);
    expect(first + second).to.be.at.most(BURST + passedMs * REFILL_PER_MS);
    expect((await other.take(BURST)).granted).to.be.greaterThan(0);
  });

  it("is each process's own while Redis is away, and one again when it is back", async () => {
    await using proxy: TcpProxy = await tcpProxy(infra.redisUrl);
    const through = await openRedis(proxy.url, log, { keyPrefix: infra.redisPrefix });
    const key = randomUUID();
    const [one, other] = [aPace(key, through), aPace(key)];
    expect((await one.take(500)).granted).to.equal(500);
    proxy.pause();
    await eventually(
      () => through.redis.status,
      (status) => status !== "ready",
    );
    expect((await other.take(BURST)).granted).to.be.within(500, BURST);
    // Redis says that nothing is left, and cannot be asked; what this process took before still counts.
    const alone = (await one.take(BURST)).granted;
    expect(alone).to.be.within(500, BURST);
    proxy.resume();
    await redis.redis.del(`pace:${key}`);
    const isShared = async (): Promise<number> => {
      await one.take(1);
      return redis.redis.exists(`pace:${key}`);
    };
    await eventually(isShared, 1);
    await through.close();
  });

  it("asks a Redis that hangs once, and not again before a while has passed", async () => {
    await using proxy: TcpProxy = await tcpProxy(infra.redisUrl);
    const through = await openRedis(proxy.url, log, { keyPrefix: infra.redisPrefix });
    let failed = 0;
    const warn = (): void => void (failed += 1);
    const clock = { now: Date.now() };
    const pace = openPace({
      perMinute: PER_MINUTE,
      key: randomUUID(),
      redis: through.redis,
      log: { info: warn, error: warn, warn },
      now: () => clock.now,
    });
    proxy.stall();
    const take = async (): Promise<number> => (await pace.take(10)).granted;
    for (let asked = 0; asked < 10; asked += 1) expect(await take()).to.equal(10);
    expect(failed).to.equal(1);
    clock.now += 1_000;
    expect(await take()).to.equal(10);
    expect(failed).to.equal(2);
    proxy.resume();
    await through.close();
  });

  it("is that of the credential's kind, and there is none for a kind without one", () => {
    const paceOf = pacesFor({ fcm: PER_MINUTE, apns: undefined }, null, log);
    expect(paceOf("fcm", "app", "credential")).to.not.equal(null);
    expect(paceOf("apns", "app", "credential")).to.equal(null);
  });

  describe("in front of the providers, on a phone", function onAPhone() {
    this.timeout(60_000);

    for (const provider of ["fcm", "apns"] as const) {
      it(`sends through ${provider} what has a token, in order, and lets the others wait without having asked`, async () => {
        await using phone = await aPhone();
        const pace = openPace({ perMinute: 1_200, key: randomUUID(), redis: redis.redis, log });
        const client =
          provider === "fcm"
            ? openFcmProvider(fcmOptions(phone, { pace }))
            : openApnsProvider(apnsOptions(phone, { pace }));
        const results = await client.send(pushesOf(50));
        await client.close();
        expect(kindsOf(results)).to.deep.equal({ accepted: 20, unavailable: 30 });
        expect(results.findIndex(({ kind }) => kind === "unavailable")).to.equal(20);
        expect(phone.stats().pushes.received).to.equal(20);
        expect(results.at(-1)).to.include({ reason: "paced", scope: "lane", mayHaveArrived: false });
        expect(results.at(-1)).to.have.property("retryAfterMs").that.is.greaterThan(0);
      });
    }

    for (const provider of ["fcm", "apns"] as const) {
      it(`slows ${provider}'s bucket down for all replicas after a 429 that closes the lane, once`, async () => {
        await using phone = await aPhone();
        const key = randomUUID();
        const other = aPace(key);
        const client =
          provider === "fcm"
            ? openFcmProvider(fcmOptions(phone, { pace: aPace(key) }))
            : openApnsProvider(apnsOptions(phone, { pace: aPace(key) }));
        await client.send([aPush()]);
        phone.addFault(
          provider === "fcm"
            ? { reason: "QUOTA_EXCEEDED", retry_after: 20 }
            : {
                answer: { status: 429, headers: { "retry-after": "20" }, body: { reason: "TooManyRequestsOfTheTeam" } },
              },
        );
        await client.send(pushesOf(50));
        await client.close();
        await untilSlowed(key);
        expect((await other.take(BURST)).retryAfterMs).to.be.greaterThan(5_000);
      });
    }
  });
});
