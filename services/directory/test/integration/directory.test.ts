import { randomUUID } from "node:crypto";
import {
  AuthenticateToken,
  CreateApp,
  CreateIdentity,
  createToken,
  CreateToken,
  FindUnknownUsers,
  GetApp,
  GetIdentities,
  IdentityCreated,
  ListApps,
  ListTokens,
  OPERATOR,
  partitionOf,
  RevokeToken,
  tokenHash,
  TokenRevoked,
} from "@strata/contracts";
import { ack, type Broker, consumer, on, openBroker } from "@strata/messaging";
import { type BrokerProbe, declareSubscriberQueues, probeBroker } from "@strata/messaging/testing";
import { createReadiness, silentLogger } from "@strata/runtime";
import {
  anAppId,
  aUserId,
  eventually,
  type Infra,
  openInfra,
  startInProcess,
  type TcpProxy,
  tcpProxy,
  userIds,
} from "@strata/testing";
import { expect } from "chai";
import { Registry } from "prom-client";
import { loadConfig } from "../../src/config.ts";
import { start } from "../../src/start.ts";
import { identityFields } from "../support.ts";

const failureOf = (request: Promise<unknown>): Promise<unknown> => request.catch((error: unknown) => error);

describe("directory", () => {
  const resources = new AsyncDisposableStack();
  const operatorToken = createToken();
  let infra: Infra;
  let mongo: TcpProxy;
  let probe: BrokerProbe;
  let gateway: Broker;
  let readiness: { check(): Promise<{ ready: boolean }> };
  const revoked: string[] = [];
  const created: string[] = [];

  before(async () => {
    infra = resources.use(await openInfra("directory"));
    await declareSubscriberQueues(infra.amqpUrl, "directory");
    mongo = resources.use(await tcpProxy(infra.mongoUrl("directory")));
    const config = loadConfig({
      AMQP_URL: infra.amqpUrl,
      MONGO_URL: mongo.url,
      ORDERED_QUEUES: "2",
      BOOTSTRAP_ACCOUNT_TOKEN: operatorToken,
    });
    ({ readiness } = resources.use(await startInProcess(start, { name: "directory", config })));
    probe = resources.use(await probeBroker(infra.amqpUrl));
    const broker = await openBroker({
      url: infra.amqpUrl,
      service: "gateway",
      log: silentLogger,
      metrics: new Registry(),
      readiness: createReadiness(),
    });
    resources.defer(() => broker.close());
    gateway = broker;
    const heard = await broker.consume([
      consumer({
        queue: "gateway.directory",
        scope: "instance",
        handlers: [
          on(TokenRevoked, async ({ payload }) => {
            revoked.push(payload.hash);
            return ack;
          }),
          on(IdentityCreated, async ({ payload }) => {
            created.push(payload.userId);
            return ack;
          }),
        ],
      }),
    ]);
    resources.defer(() => heard.close());
  });
  after(() => resources.disposeAsync());

  const QUEUES = ["directory.admin", "directory.identities.0", "directory.identities.1"];
  afterEach("nothing waits and nothing is dead-lettered", async () => {
    const queues = [...QUEUES, "directory.admin.dead-letter", "directory.identities.dead-letter"];
    const empty = Object.fromEntries(queues.map((queue) => [queue, 0]));
    await eventually(() => probe.depths(queues), empty);
  });

  const grantOf = async (token: string) => {
    const { grant } = await gateway.ask(AuthenticateToken, anAppId(), { hash: tokenHash(token) });
    return grant;
  };
  const anApp = () => gateway.request(CreateApp, anAppId(), { appId: anAppId(), accountId: OPERATOR, name: "Shop" });
  const aToken = async (appId: string) => {
    const text = createToken();
    const token = await gateway.request(CreateToken, appId, {
      tokenId: randomUUID(),
      accountId: OPERATOR,
      appId,
      name: "backend",
      scopes: ["app:read", "app:write"],
      expiresAt: null,
      hash: tokenHash(text),
    });
    return { text, token };
  };

  it("is ready, with the bootstrap token granting the administration of the operator's account", async () => {
    expect(await readiness.check()).to.have.property("ready", true);
    expect(await grantOf(operatorToken)).to.deep.include({
      accountId: OPERATOR,
      appId: null,
      scopes: ["account:admin"],
    });
  });

  it("creates an app and a token for it, which then grants what was asked", async () => {
    const app = await anApp();
    const { text, token } = await aToken(app.appId);
    expect(await grantOf(text)).to.deep.include({ tokenId: token.tokenId, appId: app.appId });
    expect(await gateway.ask(GetApp, app.appId, { accountId: OPERATOR })).to.deep.equal({ app });
    expect((await gateway.ask(ListApps, app.appId, { accountId: OPERATOR })).apps).to.deep.include(app);
    expect((await gateway.ask(ListTokens, app.appId, { accountId: OPERATOR })).tokens).to.deep.include(token);
  });

  it("tells every gateway of a revoked token, which grants nothing from then on", async () => {
    const app = await anApp();
    const { text, token } = await aToken(app.appId);
    await gateway.request(RevokeToken, app.appId, { tokenId: token.tokenId, accountId: OPERATOR });
    expect(await grantOf(text)).to.equal(null);
    await eventually(() => revoked.includes(tokenHash(text)), true);
  });

  it("refuses, and tells the caller why", async () => {
    const { appId } = await anApp();
    const again = await failureOf(
      gateway.request(CreateApp, appId, { appId, accountId: OPERATOR, name: "Another shop" }),
    );
    expect(again).to.have.property("code", "id_in_use");
    const foreign = await failureOf(
      gateway.request(RevokeToken, appId, { tokenId: randomUUID(), accountId: OPERATOR }),
    );
    expect(foreign).to.have.property("code", "not_found");
  });

  it("creates an identity once, though its command is delivered three times", async () => {
    const app = anAppId();
    const command = { userId: `thrice-${app}`, fields: identityFields() };
    const id = randomUUID();
    const first = await gateway.request(CreateIdentity, app, command, { id });
    // One after the other: two in one group would be told of once.
    for (let time = 2; time <= 3; time += 1) {
      expect(await gateway.request(CreateIdentity, app, command, { id })).to.deep.equal(first);
    }
    await eventually(() => created.filter((userId) => userId === command.userId).length, 3);

    const { identities } = await gateway.ask(GetIdentities, app, { userIds: [command.userId, "nobody"] });
    expect(identities).to.deep.equal([first]);
  });

  it("refuses a second identity of one user", async () => {
    const app = anAppId();
    await gateway.request(CreateIdentity, app, { userId: aUserId(), fields: identityFields("Ann") });
    const refusal = await failureOf(
      gateway.request(CreateIdentity, app, { userId: aUserId(), fields: identityFields("Eve") }),
    );
    expect(refusal).to.deep.include({ code: "conflict", details: { property: "user_id" } });
    const { identities } = await gateway.ask(GetIdentities, app, { userIds: [aUserId()] });
    expect(identities[0]).to.have.property("displayName", "Ann");
  });

  it("creates identities that arrive together, and knows exactly those", async () => {
    const app = anAppId();
    const users = userIds(300);
    const replies = await Promise.all(
      users.map((userId) => gateway.request(CreateIdentity, app, { userId, fields: identityFields() })),
    );
    expect(replies.map(({ partition }) => partition)).to.deep.equal(users.map(partitionOf));
    const strangers = [aUserId(7_001), aUserId(7_002)];
    const { unknown } = await gateway.ask(FindUnknownUsers, app, { userIds: [...users, ...strangers] });
    expect(unknown).to.deep.equal(strangers);
    const elsewhere = await gateway.ask(FindUnknownUsers, anAppId(), { userIds: users });
    expect(elsewhere.unknown).to.have.lengthOf(300);
  });

  it("dead-letters what is no identity, and creates those beside it", async () => {
    const app = anAppId();
    const body = Buffer.from(JSON.stringify({ userId: "" }));
    const sound = { userId: aUserId(), fields: identityFields() };
    await probe.sendRaw("directory.identities.0", body, { type: CreateIdentity.type, appId: app });
    await gateway.request(CreateIdentity, app, sound);
    await eventually(() => probe.depth("directory.identities.dead-letter"), 1);
    const [message] = await probe.drain("directory.identities.dead-letter");
    expect(message?.content).to.deep.equal(body);
  });

  it("answers 503 to questions while MongoDB is away, and creates what was asked for once it is back", async () => {
    const app = anAppId();
    mongo.pause();
    const creating = gateway.request(
      CreateIdentity,
      app,
      { userId: aUserId(), fields: identityFields() },
      { timeoutMs: 60_000 },
    );
    const failure = await failureOf(gateway.ask(FindUnknownUsers, app, { userIds: [aUserId()] }));
    expect(failure).to.have.property("code", "service_unavailable");
    expect(await readiness.check()).to.have.property("ready", false);
    mongo.resume();
    expect(await creating).to.have.property("userId", aUserId());
    await eventually(async () => (await readiness.check()).ready, true);
  });
});
