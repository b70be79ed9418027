import { type Infra, openInfra, type TcpProxy, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, type World } from "../world.ts";

/** What an account becomes is the directory's (tests/api): here nobody gets that far. */
describe("signing up while Redis is away", () => {
  const resources = new AsyncDisposableStack();
  let redis: TcpProxy;
  let world: World;
  let send: HttpClient;
  before(async () => {
    const infra: Infra = resources.use(await openInfra("gateway sign-up"));
    redis = resources.use(await tcpProxy(infra.redisUrl));
    redis.pause();
    const env = { SIGN_UPS_PER_HOUR: "5", REDIS_URL: redis.url, REDIS_KEY_PREFIX: infra.redisPrefix };
    world = resources.use(await openWorld({ name: "gateway sign-up", env }));
    send = httpClient(world.baseUrl);
  });
  after(() => resources.disposeAsync());

  it("is 503 with Retry-After, and nothing else is: the gateway starts, is ready and answers", async () => {
    const reply = await send("POST", "/accounts", { body: { name: "Shop", email: "ann@example.com" } });
    expect(reply.status).to.equal(503);
    expect(errorOf(reply)).to.include({ id: "service_unavailable" });
    expect(Number(reply.headers.get("retry-after"))).to.be.above(0);
    expect((await world.gateway.readiness.check()).ready).to.equal(true);
    expect((await send("GET", "/accounts/apps", { token: world.directory.aToken() })).status).to.equal(200);
  });
});
