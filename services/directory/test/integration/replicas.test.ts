import { CreateIdentity } from "@strata/contracts";
import { type Broker, openBroker } from "@strata/messaging";
import { declareSubscriberQueues } from "@strata/messaging/testing";
import { createReadiness, silentLogger } from "@strata/runtime";
import {
  anAppId,
  eventually,
  type Infra,
  openInfra,
  type SpawnedService,
  spawnService,
  tcpProxy,
  userIds,
} from "@strata/testing";
import { expect } from "chai";
import { MongoClient } from "mongodb";
import { Registry } from "prom-client";
import { identityFields } from "../support.ts";

/** So many that two replicas that share them by chance do not leave one with none. */
const QUEUES = 16;
const LANE = Array.from({ length: QUEUES }, (_, n) => `directory.identities.${n}`);

/** How many of the lane's queues a replica took when it last saw one come or go. */
const queuesOf = ({ log }: SpawnedService): unknown =>
  log.findLast(({ message, lane }) => message === "replicas changed" && lane === "directory.identities")?.["queues"];

describe("replicas of the directory", function replicas() {
  this.timeout(60_000);
  const resources = new AsyncDisposableStack();
  let infra: Infra;
  let gateway: Broker;

  before(async () => {
    infra = resources.use(await openInfra("directory-replicas"));
    await declareSubscriberQueues(infra.amqpUrl, "directory");
    const broker = await openBroker({
      url: infra.amqpUrl,
      service: "gateway",
      log: silentLogger,
      metrics: new Registry(),
      readiness: createReadiness(),
      orderedQueues: QUEUES,
    });
    resources.defer(() => broker.close());
    gateway = broker;
  });
  after(() => resources.disposeAsync());

  const startReplica = (redisUrl = infra.redisUrl): Promise<SpawnedService> =>
    spawnService({
      name: "directory",
      env: {
        AMQP_URL: infra.amqpUrl,
        MONGO_URL: infra.mongoUrl("directory"),
        REDIS_URL: redisUrl,
        REDIS_KEY_PREFIX: infra.redisPrefix,
        ORDERED_QUEUES: String(QUEUES),
      },
    });

  const createAll = (app: string, users: readonly string[]): Promise<unknown> =>
    Promise.all(
      users.map((userId) =>
        gateway.request(CreateIdentity, app, { userId, fields: identityFields() }, { timeoutMs: 20_000 }),
      ),
    );
  const identitiesOf = async (app: string): Promise<number> => {
    const client = await new MongoClient(infra.mongoUrl("directory")).connect();
    const count = await client.db().collection("identities").countDocuments({ app });
    await client.close();
    return count;
  };

  it("share the queues, and one takes over all when the other is killed with commands in its hands", async () => {
    await using survivor = await startReplica();
    await using victim = await startReplica();
    // The second came to a set of two: only the first has seen somebody come, and says how they share.
    const share = await eventually(
      () => Number(queuesOf(survivor)),
      (queues) => queues < QUEUES,
    );
    expect(share).to.be.above(0);

    const app = anAppId();
    const users = userIds(300);
    victim.signal("SIGSTOP");
    const creating = createAll(app, users);
    const unacknowledged = async (): Promise<number> =>
      (await infra.management.queues())
        .filter(({ name }) => LANE.includes(name))
        .reduce((sum, queue) => sum + queue.messages_unacknowledged, 0);
    await eventually(unacknowledged, (count) => count > 0);
    await eventually(
      () => identitiesOf(app),
      (count) => count > 0,
    );
    await victim.kill("SIGKILL");
    await creating;
    expect(await identitiesOf(app)).to.equal(users.length);
    await eventually(() => queuesOf(survivor), QUEUES);
    const depths = await infra.management.depths([...LANE, "directory.identities.dead-letter"]);
    expect(new Set(Object.values(depths))).to.deep.equal(new Set([0]));
  });

  it("start, are ready and work without Redis", async () => {
    await using redis = await tcpProxy(infra.redisUrl);
    redis.pause();
    await using replica = await startReplica(redis.url);
    const app = anAppId();
    await createAll(app, userIds(20));
    expect(await identitiesOf(app)).to.equal(20);
    expect((await fetch(`${replica.probesUrl}/readyz`)).status).to.equal(200);
  });
});
