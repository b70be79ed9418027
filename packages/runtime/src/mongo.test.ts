import { eventually, openInfra, tcpProxy } from "@strata/testing";
import type { Infra } from "@strata/testing";
import { expect } from "chai";
import { MongoServerError } from "mongodb";
import type { Collection } from "mongodb";
import { DomainError } from "./errors.ts";
import { silentLogger } from "./logger.ts";
import { isDuplicateKey, openMongo } from "./mongo.ts";
import type { Mongo } from "./mongo.ts";

interface Row {
  readonly _id: string;
  readonly n?: number;
}

const rowsOf = (mongo: Mongo): Collection<Row> => mongo.db.collection<Row>("rows");

const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => error,
  );

describe("openMongo", () => {
  let infra: Infra;
  before(async () => {
    infra = await openInfra("mongo");
  });
  after(() => infra[Symbol.asyncDispose]());

  it("opens the database of the URL with majority-written, journaled writes", async () => {
    await using closing = new AsyncDisposableStack();
    const mongo = closing.adopt(await openMongo(infra.mongoUrl("open"), silentLogger), (opened) => opened.close());
    expect(mongo.db.databaseName).to.equal(new URL(infra.mongoUrl("open")).pathname.slice(1));
    expect(mongo.db.writeConcern).to.include({ w: "majority", journal: true });
    expect(await mongo.dependency.answers()).to.equal(true);
  });

  it("fails within seconds when nobody is there, and its error says down", async () => {
    const proxy = await tcpProxy(infra.mongoUrl("gone"));
    await proxy.close();
    const error = await failureOf(openMongo(proxy.url, silentLogger));
    expect(error).to.have.property("name", "MongoServerSelectionError");
  });

  it("knows every failure of an unreachable server for down, and answers again when it is back", async () => {
    await using proxy = await tcpProxy(infra.mongoUrl("cut"));
    await using closing = new AsyncDisposableStack();
    const mongo = closing.adopt(await openMongo(proxy.url, silentLogger), (opened) => opened.close());
    const { dependency } = mongo;
    await rowsOf(mongo).insertOne({ _id: "before" });

    proxy.pause();
    const failures = await Promise.all(
      [
        rowsOf(mongo).insertOne({ _id: "a" }),
        rowsOf(mongo).insertMany([{ _id: "b" }, { _id: "c" }], { ordered: false }),
        rowsOf(mongo).bulkWrite([{ updateOne: { filter: { _id: "d" }, update: { $set: { n: 1 } }, upsert: true } }]),
        rowsOf(mongo).find().toArray(),
        rowsOf(mongo).countDocuments(),
      ].map(failureOf),
    );
    expect(failures.map((error) => dependency.isDown(error))).to.deep.equal(failures.map(() => true));
    expect(dependency.isDown(new DomainError("service_unavailable", {}, { cause: failures[0] }))).to.equal(true);
    expect(await dependency.answers()).to.equal(false);

    proxy.resume();
    await eventually(() => dependency.answers(), true);
    await rowsOf(mongo).insertOne({ _id: "after" });
  });

  it("knows a bulk write that is cut off in the middle for down", async () => {
    await using proxy = await tcpProxy(infra.mongoUrl("bulk"));
    await using closing = new AsyncDisposableStack();
    const mongo = closing.adopt(await openMongo(proxy.url, silentLogger), (opened) => opened.close());
    await rowsOf(mongo).insertOne({ _id: "before" });
    proxy.stall();
    const failure = failureOf(rowsOf(mongo).insertMany([{ _id: "a" }, { _id: "b" }], { ordered: false }));
    proxy.pause();
    expect(mongo.dependency.isDown(await failure)).to.equal(true);
  });

  it("answers no within its deadline when the server hangs", async () => {
    await using proxy = await tcpProxy(infra.mongoUrl("hang"));
    await using closing = new AsyncDisposableStack();
    const mongo = closing.adopt(await openMongo(proxy.url, silentLogger), (opened) => opened.close());
    proxy.stall();
    const askedAt = performance.now();
    expect(await mongo.dependency.answers()).to.equal(false);
    expect(performance.now() - askedAt).to.be.lessThan(4_000);
    proxy.pause();
  });

  it("takes the end of its own client for down, so that a late handler counts no attempt", async () => {
    const mongo = await openMongo(infra.mongoUrl("closed"), silentLogger);
    await mongo.close();
    expect(mongo.dependency.isDown(await failureOf(rowsOf(mongo).insertOne({ _id: "late" })))).to.equal(true);
  });

  it("does not take a refusal, or somebody else's failure, for down", async () => {
    await using closing = new AsyncDisposableStack();
    const mongo = closing.adopt(await openMongo(infra.mongoUrl("refusal"), silentLogger), (opened) => opened.close());
    const { dependency } = mongo;
    await rowsOf(mongo).insertOne({ _id: "a" });
    const refusals = [
      await failureOf(rowsOf(mongo).insertOne({ _id: "a" })),
      await failureOf(mongo.db.command({ nonsense: 1 })),
      Object.assign(new Error("write ECONNRESET"), { code: "ECONNRESET", syscall: "write" }),
      "a string",
      undefined,
    ];
    expect(refusals.map((error) => dependency.isDown(error))).to.deep.equal(refusals.map(() => false));
  });

  it("takes a server that is no primary any more, or stopping, for down", async () => {
    await using closing = new AsyncDisposableStack();
    const mongo = closing.adopt(await openMongo(infra.mongoUrl("codes"), silentLogger), (opened) => opened.close());
    const errors = [10_107, 11_600, 91, 189].map((code) => new MongoServerError({ message: "not now", code }));
    expect(errors.map((error) => mongo.dependency.isDown(error))).to.deep.equal([true, true, true, true]);
  });
});

describe("isDuplicateKey", () => {
  let infra: Infra;
  let mongo: Mongo;
  before(async () => {
    infra = await openInfra("duplicate-key");
    mongo = await openMongo(infra.mongoUrl("rows"), silentLogger);
    await mongo.db.createCollection("rows", { validator: { n: { $not: { $lt: 0 } } } });
    await rowsOf(mongo).insertOne({ _id: "a" });
  });
  after(async () => {
    await mongo.close();
    await infra[Symbol.asyncDispose]();
  });

  it("is true for a row that is already there, one by one and in bulk", async () => {
    expect(isDuplicateKey(await failureOf(rowsOf(mongo).insertOne({ _id: "a" })))).to.equal(true);
    const bulk = rowsOf(mongo).insertMany([{ _id: "a" }, { _id: "b" }, { _id: "a" }], { ordered: false });
    expect(isDuplicateKey(await failureOf(bulk))).to.equal(true);
    expect(await rowsOf(mongo).countDocuments()).to.equal(2);
  });

  it("is false when a bulk was also refused for another reason", async () => {
    const bulk = rowsOf(mongo).insertMany([{ _id: "a" }, { _id: "c", n: -1 }], { ordered: false });
    expect(isDuplicateKey(await failureOf(bulk))).to.equal(false);
  });

  it("is false for any other error", async () => {
    expect(isDuplicateKey(await failureOf(rowsOf(mongo).insertOne({ _id: "d", n: -1 })))).to.equal(false);
    expect([isDuplicateKey(new Error("E11000")), isDuplicateKey(undefined)]).to.deep.equal([false, false]);
  });
});
