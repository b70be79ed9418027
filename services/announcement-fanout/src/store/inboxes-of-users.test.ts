import { randomUUID } from "node:crypto";
import { partitionOf } from "@strata/contracts";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { usersOf } from "../../test/crowd.ts";
import { type Batch, batchesOfEveryone, batchId } from "../domain/batch.ts";
import { mongoBatchStore } from "./batch-store.ts";
import type { InboxReader } from "./inbox-filter.ts";

const HOUR_MS = 3_600_000;
const PARTITION = 5;
/** Forty of one partition, and some of others; two with ids that an expression may begin with. */
const USERS = [...usersOf(PARTITION, 40), ...usersOf(6, 3), ...usersOf(7, 1), ...usersOf(PARTITION, 2, "$$ROOT")];
const STRANGERS = usersOf(PARTITION, 30, "stranger");

const FOREIGN = usersOf(PARTITION, 300, "foreign");
const CROWD = usersOf(PARTITION, 200, "crowd");

interface Announced {
  /** Positions in USERS; null: everyone who was known at the cut-off. */
  readonly to: readonly number[] | null;
  readonly cutoff: number;
  readonly isHidden: boolean;
  readonly isYetToCome: boolean;
  /** Recipients of a batch. */
  readonly size: number;
  readonly withStrangers: boolean;
}

const anAnnouncement: fc.Arbitrary<Announced> = fc.record({
  to: fc.option(fc.subarray([...USERS.keys()], { minLength: 1 }), { freq: 3 }),
  cutoff: fc.integer({ min: 1, max: 4 }),
  isHidden: fc.nat(3).map((n) => n === 0),
  isYetToCome: fc.nat(4).map((n) => n === 0),
  size: fc.constantFrom(1, 7, 1_000),
  withStrangers: fc.boolean(),
});
const aWorld = fc.record({
  announced: fc.array(anAnnouncement, { maxLength: 12 }),
  readers: fc.uniqueArray(
    fc.record({ of: fc.nat(USERS.length - 1), knownSince: fc.option(fc.integer({ min: 1, max: 4 })) }),
    {
      selector: ({ of }) => of,
      minLength: 1,
      maxLength: USERS.length,
    },
  ),
  most: fc.constantFrom(1, 10, 200_000),
});

const sentTo = (app: string, announcementId: string, at: number, recipients: readonly string[], size: number) =>
  [...Map.groupBy(recipients, partitionOf)].flatMap(([partition, members]) =>
    Array.from({ length: Math.ceil(members.length / size) }, (_, n): Batch => ({
      _id: batchId(app, announcementId, partition, n),
      app,
      partition,
      at,
      recipients: members.slice(n * size, (n + 1) * size),
    })),
  );

const known = (userIds: readonly string[]) => userIds.map((userId) => ({ userId, knownSince: 1 }));

describe("inboxes of many users", () => {
  let infra: Infra;
  let mongo: Mongo;
  let store: ReturnType<typeof mongoBatchStore>;
  before(async () => {
    infra = await openInfra("inboxes-of-users");
    mongo = await openMongo(infra.mongoUrl("fanout"), silentLogger);
    store = mongoBatchStore(mongo.db);
    await store.ensureIndexes();
  });
  after(async () => {
    await mongo.close();
    await infra[Symbol.asyncDispose]();
  });

  /** All of it, however many answers that takes: announcements by user, each as often as it was told of. */
  async function told(app: string, hidden: readonly string[], readers: readonly InboxReader[], most?: number) {
    const inboxes = new Map(readers.map(({ userId }) => [userId, new Array<string>()]));
    const answers: number[] = [];
    for (let asked = readers; asked.length > 0;) {
      const { announcements, left } = await store.inboxesOf({ app, hidden }, asked, most);
      const now = asked;
      for (const [announcementId, positions] of announcements) {
        for (const n of positions) inboxes.get(now[n]?.userId ?? "")?.push(announcementId);
      }
      answers.push([...announcements.values()].flat().length);
      asked = left.flatMap((n) => now[n] ?? []);
      expect(asked.length, "somebody's is answered").to.be.lessThan(now.length);
    }
    return { inboxes: [...inboxes.values()].map((ids) => ids.toSorted()), answers };
  }
  const oneByOne = (app: string, hidden: readonly string[], readers: readonly InboxReader[]) =>
    Promise.all(
      readers.map(async (reader) => {
        const entries = await store.inbox({ app, ...reader, hidden }, null, 1_000);
        return entries?.map(({ announcementId }) => announcementId).toSorted();
      }),
    );

  it("are what each one's is alone, and what was sent to her, whatever that was and however long an answer may be", async () => {
    await fc.assert(
      fc.asyncProperty(aWorld, async ({ announced, readers: chosen, most }) => {
        const app = anAppId();
        const now = Date.now();
        const sent = announced.map((one) => ({ ...one, announcementId: randomUUID() }));
        await store.insertNew(
          sent.flatMap(({ announcementId, to, cutoff, isYetToCome, size, withStrangers }) => {
            const at = now + (isYetToCome ? HOUR_MS : -HOUR_MS);
            if (to === null) return batchesOfEveryone(app, announcementId, at, cutoff);
            const named = to.map((n) => USERS[n] ?? "");
            return sentTo(app, announcementId, at, withStrangers ? [...STRANGERS, ...named] : named, size);
          }),
        );
        const hidden = sent.filter(({ isHidden }) => isHidden).map(({ announcementId }) => announcementId);
        const readers = chosen.map(({ of, knownSince }) => ({ userId: USERS[of] ?? "", knownSince }));
        const expected = chosen.map(({ of, knownSince }) =>
          sent
            .filter(({ isHidden, isYetToCome }) => !isHidden && !isYetToCome)
            .filter(({ to, cutoff }) => to?.includes(of) ?? (knownSince !== null && knownSince <= cutoff))
            .map(({ announcementId }) => announcementId)
            .toSorted(),
        );
        const many = await told(app, hidden, readers, most);
        expect(many.inboxes).to.deep.equal(expected);
        expect(await oneByOne(app, hidden, readers)).to.deep.equal(expected);
      }),
      { numRuns: 60 },
    );
  }).timeout(120_000);

  /** What the database did for it: commands, keys and documents looked at. */
  async function cost(app: string, readers: readonly InboxReader[]) {
    await mongo.db.command({ profile: 2 });
    const { inboxes } = await told(app, [], readers);
    await mongo.db.command({ profile: 0 });
    const seen = await mongo.db
      .collection("system.profile")
      .find({
        ns: { $not: /system\.profile$/ },
        op: { $in: ["query", "command"] },
        "command.profile": { $exists: false },
        "command.killCursors": { $exists: false },
      })
      .toArray();
    await mongo.db.dropCollection("system.profile");
    const sum = (field: string) => seen.reduce((all, one) => all + Number(one[field] ?? 0), 0);
    const entries = inboxes.flat().length;
    return { commands: seen.length, keys: sum("keysExamined"), documents: sum("docsExamined"), entries };
  }

  it("of one crowd that gets the same are read in two commands, a document for each announcement", async () => {
    const app = anAppId();
    const ids = Array.from({ length: 6 }, () => randomUUID());
    await store.insertNew(
      ids.flatMap((id, n) => (n < 3 ? sentTo(app, id, 1, CROWD, 1_000) : batchesOfEveryone(app, id, 1, 1))),
    );
    const { keys, ...rest } = await cost(app, known(CROWD));
    expect(rest).to.deep.equal({ commands: 2, documents: 6, entries: 1_200 });
    expect(keys).to.be.at.most(3 * CROWD.length + 10);
    const unknown = CROWD.map((userId) => ({ userId, knownSince: null }));
    expect(await cost(app, unknown)).to.include({ commands: 1, documents: 3, entries: 600 });
  });

  it("of users who get each her own are walked along the index in one command more, and few batches of mostly others are read", async () => {
    const app = anAppId();
    const batches = CROWD.flatMap((userId) =>
      Array.from({ length: 3 }, () => sentTo(app, randomUUID(), 1, [userId, ...FOREIGN], 1_000)),
    );
    await store.insertNew(batches.flat());
    const { documents, ...rest } = await cost(app, known(CROWD));
    expect(rest).to.include({ commands: 3, entries: 600 });
    // Of 600, as many as it takes to see that what is in them is mostly others'.
    expect(documents).to.be.at.most(150);
  });

  it("are in answers of the length that was asked for, or one inbox more", async () => {
    const app = anAppId();
    const [some, others] = [CROWD.slice(0, 20), CROWD.slice(20, 23)];
    const batches = [
      ...Array.from({ length: 5 }, () => batchesOfEveryone(app, randomUUID(), 1, 1)),
      ...some.map((userId) => sentTo(app, randomUUID(), 1, [userId], 1)),
      ...Array.from({ length: 30 }, () => sentTo(app, randomUUID(), 1, [others[0] ?? ""], 1)),
    ];
    await store.insertNew(batches.flat());
    const { answers } = await told(app, [], known([...some, ...others]), 12);
    expect(answers.reduce((sum, entries) => sum + entries)).to.equal(23 * 5 + 20 + 30);
    expect(Math.max(...answers)).to.equal(35);
    expect(answers.filter((entries) => entries > 12 + 5)).to.have.lengthOf(1);
    expect(answers.length).to.be.at.least(9).and.at.most(13);
  });

  it("of one crowd are halved where they have no room, and then told of all the same", async () => {
    const app = anAppId();
    const ids = Array.from({ length: 6 }, () => randomUUID()).toSorted();
    await store.insertNew(ids.flatMap((id) => sentTo(app, id, 1, CROWD, 1_000)));
    const { inboxes, answers } = await told(app, [], known(CROWD), 450);
    expect(inboxes).to.deep.equal(CROWD.map(() => ids));
    // 50, 75 and 75 users: after three announcements there is room for half of 200, after five for a quarter.
    expect(answers).to.deep.equal([300, 450, 450]);
  });

  it("of a second partition are in another answer where the first has filled one", async () => {
    const app = anAppId();
    const users = [...CROWD.slice(0, 12), ...usersOf(6, 3)];
    await store.insertNew(sentTo(app, randomUUID(), 1, users, 1_000));
    const ofMost = async (most: number) => (await told(app, [], known(users), most)).answers;
    expect([await ofMost(11), await ofMost(12), await ofMost(13)]).to.deep.equal([
      [11, 4],
      [12, 3],
      [13, 2],
    ]);
  });

  it("of two apps are apart, and of nobody are nothing", async () => {
    const [app, other] = [anAppId(), anAppId()];
    await store.insertNew([
      ...sentTo(other, randomUUID(), 1, CROWD, 10),
      ...batchesOfEveryone(other, randomUUID(), 1, 1),
    ]);
    expect((await told(app, [], known(CROWD))).inboxes.flat()).to.deep.equal([]);
    expect(await store.inboxesOf({ app: other, hidden: [] }, [])).to.deep.equal({ announcements: new Map(), left: [] });
  });
});
