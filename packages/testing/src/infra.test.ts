import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { expect } from "chai";
import { openInfra } from "./infra.ts";

describe("openInfra", () => {
  it("makes a vhost with a user of its own and removes both", async () => {
    const { management, vhost } = await openAndLeave(async (infra) => {
      expect(new URL(infra.amqpUrl).pathname).to.equal(`/${infra.vhost}`);
      expect(await infra.management.queues()).to.deep.equal([]);
    });
    expect(vhost).to.match(/^test-infra-[0-9a-f]{8}$/);
    // The vhost is gone, and with it every answer about it.
    await management.queues().then(
      () => expect.fail("the vhost is still there"),
      (error: unknown) => expect(String(error)).to.include("404"),
    );
  });

  it("drops the databases and keys that were used, and nothing else", async () => {
    const other = await openInfra("other");
    await using mongo = await new MongoClient(other.mongoUrl("a")).connect();
    const redis = new Redis(other.redisUrl);
    try {
      await mongo.db().collection("things").insertOne({ kept: true });
      await redis.set(`${other.redisPrefix}k`, "kept");
      const { mongoUrl, redisPrefix } = await openAndLeave(async (infra) => {
        await mongo
          .db(databaseOf(infra.mongoUrl("a")))
          .collection("things")
          .insertOne({});
        await redis.set(`${infra.redisPrefix}k`, "v");
      });
      const names = (await mongo.db().admin().listDatabases()).databases.map(({ name }) => name);
      expect(names)
        .to.include(databaseOf(other.mongoUrl("a")))
        .and.not.include(databaseOf(mongoUrl("a")));
      expect(await redis.exists(`${redisPrefix}k`)).to.equal(0);
      expect(await redis.exists(`${other.redisPrefix}k`)).to.equal(1);
    } finally {
      redis.disconnect();
      await other[Symbol.asyncDispose]();
    }
  });

  it("says how to run the test when the environment names no servers", async () => {
    const { AMQP_URL } = process.env;
    delete process.env["AMQP_URL"];
    try {
      await openInfra("x").then(
        () => expect.fail("it opened"),
        (error: unknown) => expect(String(error)).to.include("AMQP_URL is missing").and.include("`npm test`"),
      );
    } finally {
      process.env["AMQP_URL"] = AMQP_URL;
    }
  });
});

const databaseOf = (mongoUrl: string): string => new URL(mongoUrl).pathname.slice(1);

/** Uses an infra and hands it back after it was disposed. */
const openAndLeave = async (
  use: (infra: Awaited<ReturnType<typeof openInfra>>) => Promise<void>,
): Promise<Awaited<ReturnType<typeof openInfra>>> => {
  await using infra = await openInfra("infra");
  await use(infra);
  return infra;
};
