import { randomBytes, randomUUID } from "node:crypto";
import {
  GetRuleRun,
  IdentityCreated,
  partitionOf,
  PutMembershipRule,
  RuleUserJoined,
  StartRuleRun,
} from "@strata/contracts";
import { type BrokerProbe, declareSubscriberQueues, messagesIn, probeBroker } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, eventually, type Infra, openInfra, type SpawnedService, spawnService } from "@strata/testing";
import { expect } from "chai";
import { conversationOfRule, ruleKey } from "../../src/domain/membership-rule.ts";
import { type Directory, openDirectory, openPeer, type Peer } from "../support.ts";

const [CAPACITY, KNOWN, NEW] = [7, 200, 160];
const DEAD_LETTERS = ["conversation.rules.dead-letter", "conversation.newcomers.dead-letter"];
/** Room for what is told again after each kill. */
const [FACTS, MAX_FACTS] = ["test.joined", 10_000];
const usersOf = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${1_000 + index}`);

describe("membership rules of a service that is killed", function overTheBroker() {
  this.timeout(300_000);
  const resources = new AsyncDisposableStack();
  let infra: Infra;
  let probe: BrokerProbe;
  let directory: Directory;
  let gateway: Peer;
  let mongo: Mongo;
  let service: SpawnedService;

  const spawned = (): Promise<SpawnedService> =>
    spawnService({
      name: "conversation",
      readyDeadlineMs: 60_000,
      env: {
        AMQP_URL: infra.amqpUrl,
        MONGO_URL: infra.mongoUrl("conversation"),
        ORDERED_QUEUES: "2",
        DUE_POLL_INTERVAL_MS: "20",
        CONTENT_PORT: "0",
        CONTENT_KEY: randomBytes(32).toString("base64"),
      },
    });
  before(async () => {
    infra = resources.use(await openInfra("rule-kills"));
    await declareSubscriberQueues(infra.amqpUrl, "conversation");
    directory = resources.use(await openDirectory(infra));
    probe = resources.use(await probeBroker(infra.amqpUrl));
    gateway = resources.use(await openPeer(infra, "gateway"));
    const opened = await openMongo(infra.mongoUrl("conversation"), silentLogger);
    resources.defer(() => opened.close());
    mongo = opened;
    service = await spawned();
    resources.defer(() => service[Symbol.asyncDispose]());
  });
  after(() => resources.disposeAsync());

  /** Whoever had a page of the run is dead: it need not be waited for the end of the lease. */
  const killed = async (): Promise<void> => {
    const { signal } = await service.kill("SIGKILL");
    expect(signal).to.equal("SIGKILL");
    await mongo.db.collection("rule_runs").updateMany({ dueAt: { $gt: 0 } }, { $set: { dueAt: 1 } });
    service = await spawned();
  };
  const participantsOf = async (app: string) => {
    const rows = await mongo.db
      .collection<{ _id: string; conversationId: string; participants: string[] }>("conversations")
      .find({ app })
      .toArray();
    return new Map(rows.map(({ conversationId, participants }) => [conversationId, participants]));
  };
  const countPlaced = async (app: string) =>
    [...(await participantsOf(app)).values()].reduce((count, people) => count + people.length, 0);
  /** Where each was put, as whoever listens is told, repeats and all. */
  const toldOf = async () =>
    (await probe.drain(FACTS))
      .flatMap(messagesIn)
      .map(({ content }) => RuleUserJoined.payload.parse(JSON.parse(content.toString())));

  it("put each of some hundred users into one conversation, full ones behind one another, and count her once", async () => {
    const app = anAppId();
    await probe.declareForeignQueue(FACTS, `${RuleUserJoined.type}.${app}`, MAX_FACTS);
    const [ruleId, runId] = [randomUUID(), randomUUID()];
    const [known, signingUp] = [usersOf("known", KNOWN), usersOf("new", NEW)];
    directory.audience.users = known;
    directory.audience.matches = () => true;
    const filter = { field: "metadata.city", eq: "Bonn" } as const;
    const terms = { kind: "join" as const, filter, capacity: CAPACITY, metadata: {}, visibleHistory: "all" as const };
    await gateway.request(PutMembershipRule, app, { ruleId, name: "a rule", isActive: true, terms, at: Date.now() });
    await gateway.request(StartRuleRun, app, { ruleId, runId, isDryRun: false });
    for (const userId of signingUp) {
      await directory.emit(IdentityCreated, app, { userId, partition: partitionOf(userId), version: 1 });
    }
    for (const count of [10, 60, 120, 180, 240, 300]) {
      await eventually(
        () => countPlaced(app),
        (placed) => placed >= count,
        { deadlineMs: 60_000, everyMs: 1 },
      );
      await killed();
    }
    const all = [...known, ...signingUp].toSorted();
    const run = async () => (await gateway.ask(GetRuleRun, app, { ruleId, runId })).run;
    await eventually(async () => (await run())?.state, "done", { deadlineMs: 120_000 });
    const settled = () => mongo.db.collection("rule_members").countDocuments({ app, placing: { $exists: false } });
    await eventually(settled, all.length, { deadlineMs: 120_000 });
    const empty = Object.fromEntries([...DEAD_LETTERS, "conversation.newcomers"].map((queue) => [queue, 0]));
    await eventually(() => probe.depths(Object.keys(empty)), empty, { deadlineMs: 60_000 });

    const made = await participantsOf(app);
    const ids = Array.from({ length: made.size }, (_, index) =>
      conversationOfRule({ _id: ruleKey(app, ruleId) }, index + 1),
    );
    const people = ids.map((id) => made.get(id) ?? []);
    expect(people.flat().toSorted()).to.deep.equal(all);
    const full = Math.floor(all.length / CAPACITY);
    const sizes = [...Array.from({ length: full }, () => CAPACITY), all.length % CAPACITY];
    expect(people.map(({ length }) => length)).to.deep.equal(sizes);
    expect((await run())?.counts).to.deep.equal({ joined: KNOWN, warned: 0, left: 0, already: 0, refused: 0 });
    const rows = await mongo.db.collection("rule_members").find({ app }).toArray();
    const places = new Map(ids.flatMap((id, index) => (people[index] ?? []).map((userId) => [userId, id] as const)));
    expect(new Map(rows.map(({ user, conversationId }) => [user, conversationId]))).to.deep.equal(places);
    const told = await toldOf();
    expect(new Map(told.map(({ userId, conversationId }) => [userId, conversationId]))).to.deep.equal(places);
    for (const { userId, conversationId } of told) expect(conversationId, userId).to.equal(places.get(userId));
  });
});
