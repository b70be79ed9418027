import { openInfra } from "@strata/testing";
import { expect } from "chai";
import { type Db, MongoNetworkError } from "mongodb";
import { openMongo, readRows, silentLogger } from "./index.ts";

const setUp = async () => {
  const stack = new AsyncDisposableStack();
  const infra = stack.use(await openInfra("read-rows"));
  const mongo = await openMongo(infra.mongoUrl("rows"), silentLogger);
  stack.defer(() => mongo.close());
  const ids = Array.from({ length: 10 }, (_, index) => index);
  await mongo.db.collection<{ _id: number }>("rows").insertMany(ids.map((_id) => ({ _id })));
  return { client: mongo.client, db: mongo.db, ids, stack };
};

const find = (batchSize: number) => ({ find: "rows", filter: {}, sort: { _id: 1 }, batchSize });
const idsOf = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row["_id"]);

describe("readRows", () => {
  it("answers what a find and an aggregate find, in their order", async () => {
    const { db, ids, stack } = await setUp();
    await using _ = stack;
    expect(idsOf(await readRows(db, { ...find(11), filter: { _id: { $lt: 4 } } }))).to.deep.equal(ids.slice(0, 4));
    const pipeline = [{ $match: { _id: { $gte: 8 } } }, { $sort: { _id: -1 } }];
    const rows = await readRows(db, { aggregate: "rows", pipeline, cursor: { batchSize: 11 } });
    expect(idsOf(rows)).to.deep.equal([9, 8]);
    expect(await readRows(db, { ...find(11), find: "none" })).to.deep.equal([]);
  });

  it("answers all rows where they do not fit one answer, and leaves no cursor behind", async () => {
    const { client, db, ids, stack } = await setUp();
    await using _ = stack;
    expect(idsOf(await readRows(db, find(3)))).to.deep.equal(ids);
    expect(await client.db("admin").aggregate(idleCursorsOn(db.databaseName)).toArray()).to.deep.equal([]);
  });

  it("tries once more when the server goes away, and no more", async () => {
    const { db, ids, stack } = await setUp();
    await using _ = stack;
    const failing = (times: number): Db => {
      let left = times;
      const command: Db["command"] = async (...given) => {
        left -= 1;
        if (left >= 0) throw new MongoNetworkError("cut");
        return db.command(...given);
      };
      return Object.create(db, { command: { value: command } });
    };
    expect(idsOf(await readRows(failing(1), find(11)))).to.deep.equal(ids);
    const refused = await readRows(failing(2), find(11)).catch((error: unknown) => error);
    expect(refused).to.be.an.instanceOf(MongoNetworkError);
  });

  it("throws what the server refuses", async () => {
    const { db, stack } = await setUp();
    await using _ = stack;
    const refused = await readRows(db, { ...find(3), filter: { $nonsense: 1 } }).catch((error: unknown) => error);
    expect(refused).to.be.an("error").with.property("name", "MongoServerError");
  });
});

const idleCursorsOn = (database: string) => [
  { $currentOp: { idleCursors: true } },
  { $match: { type: "idleCursor", ns: { $regex: `^${database}\\.` } } },
];
