import { randomUUID } from "node:crypto";
import {
  AcceptReply,
  AnnounceToFew,
  type AudienceFilter,
  ChangeConversation,
  CreateConversation,
  DeleteMembershipRule,
  GetConversation,
  GetMembershipRule,
  GovernConversation,
  GetRuleRun,
  IdentityCreated,
  ListRuleRuns,
  partitionOf,
  PutMembershipRule,
  type RuleTerms,
  StartRuleRun,
} from "@strata/contracts";
import { consumer, on, reply } from "@strata/messaging";
import { declareSubscriberQueues, probeBroker, type BrokerProbe } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, eventually, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { conversationOfRule, ruleKey } from "../../src/domain/membership-rule.ts";
import type { RuleMember } from "../../src/store/rule-member-store.ts";
import { aCreation, DAY, saying } from "../lifetimes.ts";
import { refusalOf } from "../messages.ts";
import { type Directory, limits, openDirectory, openPeer, type Peer, startConversation } from "../support.ts";

const QUEUES = ["conversation.newcomers", "conversation.rules"];
const DEAD_LETTERS = QUEUES.map((queue) => `${queue}.dead-letter`);
const filter: AudienceFilter = { field: "metadata.city", eq: "Bonn" };
const joining = (capacity: number): RuleTerms => ({
  kind: "join",
  filter,
  capacity,
  metadata: { title: "Neighbours" },
  visibleHistory: "all",
});
const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `user-${100 + index}`);

/** The one condition on times that a filter has. */
function lastSeenBefore(wanted: AudienceFilter | null): number | null {
  const found = /"last_seen_at","lt":(\d+)/.exec(JSON.stringify(wanted));
  return found ? Number(found[1]) : null;
}

describe("membership rules, over the broker", function overTheBroker() {
  this.timeout(60_000);
  const resources = new AsyncDisposableStack();
  const announced: { readonly recipients: readonly string[]; readonly id: string }[] = [];
  let infra: Infra;
  let probe: BrokerProbe;
  let directory: Directory;
  let gateway: Peer;
  let mongo: Mongo;
  let passedMs = 0;
  const now = (): number => Date.now() + passedMs;

  before(async () => {
    infra = resources.use(await openInfra("membership-rules"));
    await declareSubscriberQueues(infra.amqpUrl, "conversation");
    directory = resources.use(await openDirectory(infra));
    mongo = await openMongo(infra.mongoUrl("conversation"), silentLogger);
    resources.defer(() => mongo.close());
    probe = resources.use(await probeBroker(infra.amqpUrl));
    gateway = resources.use(await openPeer(infra, "gateway"));
    const fanout = consumer({
      queue: "announcement-fanout.few",
      handlers: [
        on(AnnounceToFew, async ({ payload }) => {
          const { recipients, digest: _digest, ...rest } = payload;
          announced.push({ recipients, id: payload.announcementId });
          const stored = { state: "distributed", at: now(), recipientCount: recipients.length, recipients };
          return reply(AcceptReply.parse({ outcome: "accepted", announcement: { ...rest, ...stored } }));
        }),
      ],
    });
    resources.use(await openPeer(infra, "announcement-fanout", [fanout]));
    resources.use(await startConversation(infra, { DUE_POLL_INTERVAL_MS: "20" }, now));
  });
  after(() => resources.disposeAsync());
  beforeEach(() => {
    directory.audience.users = [];
    directory.audience.matches = () => true;
    Object.assign(directory.opening, { isOpen: true, since: 0 });
  });
  afterEach("nothing waits and nothing is dead-lettered", async () => {
    const empty = Object.fromEntries([...QUEUES, ...DEAD_LETTERS].map((queue) => [queue, 0]));
    await eventually(() => probe.depths([...QUEUES, ...DEAD_LETTERS]), empty);
  });

  const put = async (
    app: string,
    terms: RuleTerms,
    { ruleId = randomUUID(), isActive = true }: { readonly ruleId?: string; readonly isActive?: boolean } = {},
  ) => {
    const rule = { ruleId, name: "a rule", isActive, terms, at: now() };
    await gateway.request(PutMembershipRule, app, rule);
    return ruleId;
  };
  const signUp = (app: string, userId: string, id: string = randomUUID()) =>
    directory.emit(IdentityCreated, app, { userId, partition: partitionOf(userId), version: 1 }, { id });
  const participantsOf = async (app: string, conversationId: string) =>
    (await gateway.ask(GetConversation, app, { conversationId })).conversation?.participants ?? null;
  const conversationsOf = (app: string, ruleId: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        participantsOf(app, conversationOfRule({ _id: ruleKey(app, ruleId) }, index + 1)),
      ),
    );
  const remove = (app: string, conversationId: string, userId: string) =>
    gateway.request(ChangeConversation, app, {
      conversationId,
      actor: null,
      changes: [{ kind: "remove-participant", userId }],
      limits: limits(),
    });
  const run = async (app: string, ruleId: string, isDryRun = false) => {
    const runId = randomUUID();
    await gateway.request(StartRuleRun, app, { ruleId, runId, isDryRun });
    const find = async () => (await gateway.ask(GetRuleRun, app, { ruleId, runId })).run;
    await eventually(async () => (await find())?.state, "done");
    return find();
  };

  it("put whoever signs up into a conversation, and into a new one once it is full, however many come at once", async () => {
    const app = anAppId();
    directory.audience.matches = (_, userId) => userId !== "user-105";
    const ruleId = await put(app, joining(7));
    const users = many(31);
    await Promise.all(users.map((userId) => signUp(app, userId)));
    const sizes = async () => (await conversationsOf(app, ruleId, 6)).map((people) => people?.length ?? null);
    await eventually(sizes, [7, 7, 7, 7, 2, null]);
    const all = (await conversationsOf(app, ruleId, 5)).flatMap((people) => people ?? []);
    expect(all.toSorted()).to.deep.equal(users.filter((userId) => userId !== "user-105"));
    const { rule } = await gateway.ask(GetMembershipRule, app, { ruleId });
    expect(rule?.conversationId).to.equal(conversationOfRule({ _id: ruleKey(app, ruleId) }, 5));
  });

  it("put nobody back who has left, when it is told again that she signed up", async () => {
    const app = anAppId();
    const ruleId = await put(app, joining(5));
    const event = randomUUID();
    await signUp(app, "user-100", event);
    const conversationId = conversationOfRule({ _id: ruleKey(app, ruleId) }, 1);
    await eventually(() => participantsOf(app, conversationId), ["user-100"]);
    await remove(app, conversationId, "user-100");
    await signUp(app, "user-100", event);
    await signUp(app, "user-101");
    await eventually(() => participantsOf(app, conversationId), ["user-101"]);
    expect((await run(app, ruleId))?.counts).to.include({ joined: 0 });
  });

  it("put nobody where she is banned, neither when she signs up nor in a run, and say that they did not", async () => {
    const app = anAppId();
    const ruleId = await put(app, joining(5));
    await signUp(app, "user-100");
    const conversationId = conversationOfRule({ _id: ruleKey(app, ruleId) }, 1);
    await eventually(() => participantsOf(app, conversationId), ["user-100"]);
    for (const userId of ["user-101", "user-103"]) {
      const act = { kind: "ban", userId, expiresAt: null, reason: null } as const;
      await gateway.request(GovernConversation, app, { conversationId, actor: null, act });
    }
    await signUp(app, "user-101");
    await signUp(app, "user-102");
    await eventually(() => participantsOf(app, conversationId), ["user-100", "user-102"]);
    directory.audience.users = ["user-100", "user-102", "user-103"];
    expect((await run(app, ruleId))?.counts).to.include({ joined: 0, already: 2, refused: 1 });
    expect(await conversationsOf(app, ruleId, 2)).to.deep.equal([["user-100", "user-102"], null]);
  });

  it("say in a dry run whom they would put where, and do nothing; then do it, page by page", async () => {
    const app = anAppId();
    directory.audience.users = many(150);
    const ruleId = await put(app, joining(100));
    const dry = await run(app, ruleId, true);
    expect(dry?.counts).to.deep.equal({ joined: 150, warned: 0, left: 0, already: 0, refused: 0 });
    expect(dry?.sample).to.have.lengthOf(100);
    expect(await conversationsOf(app, ruleId, 1)).to.deep.equal([null]);
    expect((await run(app, ruleId))?.counts).to.include({ joined: 150, already: 0 });
    expect((await conversationsOf(app, ruleId, 2)).map((people) => people?.length)).to.deep.equal([100, 50]);
    expect((await run(app, ruleId))?.counts).to.include({ joined: 0, already: 150 });
    const { runs, total } = await gateway.ask(ListRuleRuns, app, { ruleId, after: null, limit: 2 });
    expect([total, runs?.map(({ isDryRun }) => isDryRun)]).to.deep.equal([3, [false, false]]);
    const behind = { ruleId, after: runs?.[1]?.runId ?? null, limit: 2 };
    expect((await gateway.ask(ListRuleRuns, app, behind)).runs?.map(({ runId }) => runId)).to.deep.equal([dry?.runId]);
  });

  it("count a page once that is done again, since its process was killed before it said so", async () => {
    const app = anAppId();
    directory.audience.users = many(20);
    const ruleId = await put(app, joining(100));
    const first = await run(app, ruleId);
    const began = {
      state: "running",
      endedAt: null,
      dueAt: 1,
      page: 0,
      place: { phase: "act", partition: 0, after: null },
      counts: { joined: 0, warned: 0, left: 0, already: 0, refused: 0 },
      sample: [],
    };
    await mongo.db.collection("rule_runs").updateOne({ app, ruleId }, { $set: began });
    const find = () => gateway.ask(GetRuleRun, app, { ruleId, runId: first?.runId ?? "" });
    await eventually(async () => (await find()).run?.state, "done");
    expect((await find()).run?.counts).to.deep.equal(first?.counts);
    expect((await conversationsOf(app, ruleId, 1))[0]).to.have.lengthOf(20);
  });

  it("look for her where she was being put when a process died over it, also once others are put elsewhere", async () => {
    const app = anAppId();
    const ruleId = await put(app, joining(2));
    await signUp(app, "user-100");
    const [first = "", second = ""] = [1, 2].map((n) => conversationOfRule({ _id: ruleKey(app, ruleId) }, n));
    await eventually(() => participantsOf(app, first), ["user-100"]);
    const members = mongo.db.collection<RuleMember>("rule_members");
    const begun = { app, ruleId, conversationId: null, placing: 1, at: now(), run: null };
    const begin = (user: string) => members.insertOne({ _id: `${app}/${ruleId}/${user}`, user, ...begun });
    await begin("user-101");
    const changes = [{ kind: "add-participant" as const, userId: "user-101" }];
    await gateway.request(ChangeConversation, app, {
      conversationId: first,
      actor: null,
      changes,
      limits: limits(),
    });
    await begin("user-103");
    await signUp(app, "user-102");
    await eventually(() => participantsOf(app, second), ["user-102"]);

    await signUp(app, "user-101");
    await signUp(app, "user-103");
    await eventually(() => participantsOf(app, second), ["user-102", "user-103"]);
    const placed = () => members.countDocuments({ app, placing: { $exists: false } });
    await eventually(placed, 4);
    expect(await conversationsOf(app, ruleId, 3)).to.deep.equal([
      ["user-100", "user-101"],
      ["user-102", "user-103"],
      null,
    ]);
  });

  /** Three users of two conversations, and whoever is seen from now on. */
  const sleeping = async (app: string) => {
    const seen = new Map<string, number>(["sleeper", "regular", "returning"].map((userId) => [userId, now()]));
    directory.audience.users = [...seen.keys(), "nowhere"];
    directory.audience.matches = (wanted, userId) => (seen.get(userId) ?? 0) < (lastSeenBefore(wanted) ?? 0);
    const creations = [[...seen.keys()], ["sleeper", "regular"]].map((participants) => aCreation({ participants }));
    for (const creation of creations) await gateway.request(CreateConversation, app, creation);
    return {
      people: () => Promise.all(creations.map(({ conversationId }) => participantsOf(app, conversationId))),
      /** The time passes. */
      pass: (days: number, active: readonly string[]): void => {
        passedMs += days * DAY;
        for (const userId of active) seen.set(userId, now());
      },
    };
  };
  const leaving: Extract<RuleTerms, { kind: "leave" }> = {
    kind: "leave",
    filter: null,
    inactiveMs: 10 * DAY,
    joinRuleId: null,
    warning: { beforeMs: 3 * DAY, message: saying("still there?") },
    everyMs: DAY,
  };
  const warned = () =>
    announced
      .splice(0)
      .flatMap(({ recipients }) => recipients)
      .toSorted();

  it("take who is not seen for long out of conversations, warned first, and nobody who comes back", async () => {
    const app = anAppId();
    const { people, pass } = await sleeping(app);
    const everybody = await people();
    const ruleId = await put(app, leaving, { isActive: false });
    const counts = async (isDryRun = false) => {
      const done = await run(app, ruleId, isDryRun);
      return [done?.counts.warned, done?.counts.left];
    };

    pass(8, ["regular"]);
    expect(await counts(true)).to.deep.equal([2, 0]);
    expect(warned()).to.deep.equal([]);
    expect(await counts()).to.deep.equal([2, 0]);
    expect(warned()).to.deep.equal(["returning", "sleeper"]);
    pass(2, ["regular", "returning"]);
    // Not seen for ten days, but warned for two only.
    expect(await counts()).to.deep.equal([0, 0]);
    expect(await people()).to.deep.equal(everybody);
    pass(2, ["regular"]);
    expect(await counts(true)).to.deep.equal([0, 1]);
    expect(await people()).to.deep.equal(everybody);
    expect(await counts()).to.deep.equal([0, 1]);
    expect(await people()).to.deep.equal([["regular", "returning"], ["regular"]]);
    // She lapses once more, and is warned once more before she goes.
    pass(9, ["regular"]);
    expect(await counts()).to.deep.equal([1, 0]);
    expect(warned()).to.deep.equal(["returning"]);
    pass(3, ["regular"]);
    expect(await counts()).to.deep.equal([0, 1]);
    expect(await people()).to.deep.equal([["regular"], ["regular"]]);
  });

  it("look for them by themselves, once for all the times that went by while everything was down", async () => {
    const app = anAppId();
    const { people, pass } = await sleeping(app);
    const ruleId = await put(app, { ...leaving, warning: null });
    pass(30, ["regular"]);
    await eventually(people, [["regular"], ["regular"]]);
    const total = async () => (await gateway.ask(ListRuleRuns, app, { ruleId, after: null, limit: 100 })).total;
    expect(await total()).to.equal(1);
    const { rule } = await gateway.ask(GetMembershipRule, app, { ruleId });
    expect(rule?.nextRunAt).to.be.within(now(), now() + DAY);
    pass(1, []);
    await eventually(total, 2);
    await gateway.request(DeleteMembershipRule, app, { ruleId, at: now() });
    pass(5, []);
    expect(await refusalOf(gateway.request(DeleteMembershipRule, app, { ruleId, at: now() }))).to.equal("not_found");
    expect((await gateway.ask(GetMembershipRule, app, { ruleId })).rule).to.equal(null);
  });

  it("stand still while their app is closed, and then nobody was away who could not be seen", async () => {
    const app = anAppId();
    const { people, pass } = await sleeping(app);
    const everybody = await people();
    const ruleId = await put(app, leaving, { isActive: false });
    pass(8, ["regular"]);
    expect((await run(app, ruleId))?.counts.warned).to.equal(2);
    warned();
    directory.opening.isOpen = false;
    pass(20, []);
    const runId = randomUUID();
    await gateway.request(StartRuleRun, app, { ruleId, runId, isDryRun: false });
    const find = async () => (await gateway.ask(GetRuleRun, app, { ruleId, runId })).run;
    const rows = mongo.db.collection<{ runId: string; dueAt: number }>("rule_runs");
    await eventually(async () => ((await rows.findOne({ runId }))?.dueAt ?? 0) > now() + 30_000, true);
    expect([(await find())?.state, await people()]).to.deep.equal(["running", everybody]);

    Object.assign(directory.opening, { isOpen: true, since: now() });
    await rows.updateOne({ runId }, { $set: { dueAt: 1 } });
    await eventually(async () => (await find())?.state, "done");
    expect([(await find())?.counts.left, warned(), await people()]).to.deep.equal([0, [], everybody]);
    // From now on they can be seen, and are missed.
    pass(8, ["regular"]);
    expect((await run(app, ruleId))?.counts.warned).to.equal(2);
    expect(warned()).to.deep.equal(["returning", "sleeper"]);
    pass(3, ["regular"]);
    expect((await run(app, ruleId))?.counts.left).to.equal(2);
  });

  it("run one at a time, so that none takes another's warnings for those of who came back", async () => {
    const app = anAppId();
    const { pass } = await sleeping(app);
    const ruleId = await put(app, leaving, { isActive: false });
    pass(8, []);
    const runIds = [randomUUID(), randomUUID(), randomUUID()];
    await Promise.all(runIds.map((runId) => gateway.request(StartRuleRun, app, { ruleId, runId, isDryRun: false })));
    const states = () =>
      Promise.all(runIds.map(async (runId) => (await gateway.ask(GetRuleRun, app, { ruleId, runId })).run?.state));
    await eventually(states, ["done", "done", "done"], { deadlineMs: 40_000 });
    expect(warned(), "each once").to.deep.equal(["regular", "returning", "sleeper"]);
    pass(3, []);
    expect((await run(app, ruleId))?.counts.left).to.equal(3);
  });

  it("leave alone whom another rule did not put there", async () => {
    const app = anAppId();
    const { people, pass } = await sleeping(app);
    const before = await people();
    const joinRuleId = await put(app, joining(5), { isActive: false });
    directory.audience.matches = () => true;
    await run(app, joinRuleId);
    const made = conversationOfRule({ _id: ruleKey(app, joinRuleId) }, 1);
    expect(await participantsOf(app, made)).to.have.lengthOf(4);
    pass(30, []);
    const ruleId = await put(app, { ...leaving, warning: null, joinRuleId }, { isActive: false });
    expect((await run(app, ruleId))?.counts.left).to.equal(4);
    expect(await participantsOf(app, made)).to.deep.equal([]);
    expect(await people()).to.deep.equal(before);
  });

  it("are refused where they make no sense", async () => {
    const app = anAppId();
    const ruleId = await put(app, joining(5));
    const nowhere = { ...leaving, joinRuleId: randomUUID() };
    expect(await refusalOf(put(app, nowhere))).to.equal("invalid_property");
    expect(await refusalOf(put(app, leaving, { ruleId }))).to.equal("invalid_property");
    const unknown = { ruleId: randomUUID(), runId: randomUUID(), isDryRun: true };
    expect(await refusalOf(gateway.request(StartRuleRun, app, unknown))).to.equal("not_found");
    expect(await refusalOf(gateway.request(StartRuleRun, anAppId(), { ...unknown, ruleId }))).to.equal("not_found");
  });
});
