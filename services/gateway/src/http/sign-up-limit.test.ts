import { randomUUID } from "node:crypto";
import { LayerError } from "@strata/layer-protocol";
import { openRedis, type RedisConnection, silentLogger } from "@strata/runtime";
import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { type SignUpLimit, signUpLimit } from "./sign-up-limit.ts";

/** null: it was let in. */
const refusal = async (limit: SignUpLimit, address: string): Promise<LayerError | null> => {
  try {
    await limit.take(address);
    return null;
  } catch (error) {
    if (error instanceof LayerError) return error;
    throw error;
  }
};

describe("the limit of sign-ups, on a real Redis", () => {
  const resources = new AsyncDisposableStack();
  let infra: Infra;
  let redis: RedisConnection["redis"];
  before(async () => {
    infra = resources.use(await openInfra("sign-up-limit"));
    const connection = await openRedis(infra.redisUrl, silentLogger, { keyPrefix: infra.redisPrefix });
    resources.defer(() => connection.close());
    ({ redis } = connection);
  });
  after(() => resources.disposeAsync());

  it("lets so many in from an address, by all gateways together, and says when there is one again", async () => {
    const gateways = [signUpLimit({ max: 3, redis }), signUpLimit({ max: 3, redis })];
    const address = randomUUID();
    const asked = await Promise.all(
      Array.from({ length: 10 }, (_, n) => refusal(gateways[n % 2] ?? signUpLimit({ max: 3, redis }), address)),
    );
    const refused = asked.filter((error) => error !== null);
    expect(refused).to.have.lengthOf(7);
    for (const { id, headers } of refused) {
      expect(id).to.equal("rate_limit_exceeded");
      expect(Number(headers["Retry-After"])).to.be.within(3_590, 3_600);
    }
    expect(await refusal(signUpLimit({ max: 3, redis }), randomUUID())).to.equal(null);
  });

  it("lets others in when the time is over, however often it was asked meanwhile", async () => {
    const limit = signUpLimit({ max: 1, windowMs: 300, redis });
    const address = randomUUID();
    expect(await refusal(limit, address)).to.equal(null);
    expect(await refusal(limit, address)).to.have.property("id", "rate_limit_exceeded");
    await eventually(() => refusal(limit, address), null, { deadlineMs: 3_000 });
  });

  it("lets nobody in while Redis is away", async () => {
    await using proxy = await tcpProxy(infra.redisUrl);
    const through = await openRedis(proxy.url, silentLogger, { keyPrefix: infra.redisPrefix });
    resources.defer(() => through.close());
    const limit = signUpLimit({ max: 100, redis: through.redis });
    const address = randomUUID();
    expect(await refusal(limit, address)).to.equal(null);
    proxy.pause();
    const refused = await refusal(limit, address);
    expect(refused).to.include({ id: "service_unavailable", status: 503 });
    expect(refused?.headers).to.have.property("Retry-After");
    proxy.resume();
    await eventually(() => refusal(limit, address), null, { deadlineMs: 10_000 });
  });
});
