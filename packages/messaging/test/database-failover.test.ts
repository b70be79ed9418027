import { isDuplicateKey, openMongo, silentLogger } from "@strata/runtime";
import { eventually, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, on, onGroup } from "../src/index.ts";
import { findMongod, type OwnReplicaSet, startOwnReplicaSet } from "./own-replica-set.ts";
import { APP, Append, Note, openTestBroker } from "./support.ts";

interface Row {
  readonly _id: number;
  readonly attempt: number;
}

/** On a replica set of its own, since it loses its primary twice. */
describe("a failover of MongoDB", function failover() {
  this.timeout(120_000);
  let infra: Infra;
  let replicaSet: OwnReplicaSet;
  before(async function hasMongod() {
    const mongod = await findMongod();
    // Without a mongod on this machine (servers in containers, or elsewhere) there are no members to be had.
    if (mongod === undefined) this.skip();
    infra = await openInfra("messaging-failover");
    replicaSet = await startOwnReplicaSet(mongod);
  });
  after(async () => {
    await replicaSet?.[Symbol.asyncDispose]();
    await infra?.[Symbol.asyncDispose]();
  });

  it("loses nothing acknowledged, spends no attempt and repeats no row, whether the primary hands over or is killed", async () => {
    await using closing = new AsyncDisposableStack();
    const mongo = closing.adopt(await openMongo(replicaSet.url("notes"), silentLogger), (opened) => opened.close());
    const rows = mongo.db.collection<Row>("rows");
    const lane = mongo.db.collection<Row>("lane");
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note, Append]);
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        prefetch: 20,
        dependencies: [mongo.dependency],
        handlers: [
          onGroup(Note, async (deliveries) => {
            const group = deliveries.map(({ payload, attempt }) => ({ _id: payload.n, attempt }));
            await rows.insertMany(group, { ordered: false }).catch(unlessThere);
            return deliveries.map(() => ack);
          }),
        ],
      }),
      consumer({
        queue: "conversation.appends",
        dependencies: [mongo.dependency],
        handlers: [
          on(Append, async ({ payload: { n }, attempt }) => {
            await lane.insertOne({ _id: n, attempt }).catch(unlessThere);
            return ack;
          }),
        ],
      }),
    ]);

    let sent = 0;
    const stopping = new AbortController();
    const sending = (async () => {
      for (; !stopping.signal.aborted; sent += 1) {
        await Promise.all([
          server.send(Note, APP, { n: sent }),
          server.send(Append, APP, { key: String(sent % 4), n: sent }),
        ]);
      }
    })();
    const countFrom = (least: number): Promise<number> =>
      eventually(
        () => rows.countDocuments(),
        (count) => count >= least,
        { deadlineMs: 40_000 },
      );
    const goesOn = async (): Promise<void> => {
      await countFrom((await countFrom(0)) + 200);
    };
    await goesOn();
    await replicaSet.stepDown();
    await goesOn();
    await replicaSet.killPrimary();
    await goesOn();
    stopping.abort();
    await sending;

    for (const collection of [rows, lane]) {
      await eventually(() => collection.countDocuments(), sent, { deadlineMs: 20_000 });
      expect(await collection.countDocuments({ attempt: { $gt: 0 } })).to.equal(0);
    }
    await eventually(async () => (await infra.management.queues()).filter(({ messages }) => messages > 0), []);
    await serving.close();
  });
});

/** A row that an insert had made before its answer was lost is what was wanted. */
function unlessThere(error: unknown): void {
  if (!isDuplicateKey(error)) throw error;
}
