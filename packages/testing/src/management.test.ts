import { expect } from "chai";
import { eventually } from "./eventually.ts";
import { openInfra } from "./infra.ts";
import type { Infra } from "./infra.ts";
import { createManagementHttp } from "./management-http.ts";

/** Queues and messages made over HTTP: only packages/messaging speaks AMQP. */
const http = createManagementHttp(process.env["AMQP_MANAGEMENT_URL"] ?? "http://guest:guest@127.0.0.1:15672");

const declare = (infra: Infra, queue: string, type: "quorum" | "classic"): Promise<void> =>
  http.put(`/queues/${infra.vhost}/${queue}`, { durable: true, arguments: { "x-queue-type": type } });

const publish = (infra: Infra, queue: string, payload: string): Promise<unknown> =>
  http.post(`/exchanges/${infra.vhost}/amq.default/publish`, {
    routing_key: queue,
    payload,
    payload_encoding: "string",
    properties: { headers: { reason: "poison" } },
  });

describe("ManagementApi", () => {
  let infra: Infra;
  before(async () => {
    infra = await openInfra("management");
  });
  after(() => infra[Symbol.asyncDispose]());

  for (const type of ["quorum", "classic"] as const) {
    it(`tells the exact depth of a ${type} queue right after a publish`, async () => {
      const queue = `depth.${type}`;
      await declare(infra, queue, type);
      for (let n = 1; n <= 3; n += 1) {
        await publish(infra, queue, String(n));
        expect(await infra.management.depths([queue])).to.deep.equal({ [queue]: n });
      }
    });
  }

  it("counts a queue that does not exist as empty, and lists only queues that do", async () => {
    await declare(infra, "there", "classic");
    expect(await infra.management.depths(["there", "nowhere"])).to.deep.equal({ there: 0, nowhere: 0 });
    expect((await infra.management.queues()).map(({ name }) => name))
      .to.include("there")
      .and.not.include("nowhere");
  });

  it("shows the messages of a queue and leaves them in it", async () => {
    await declare(infra, "peeked", "quorum");
    await publish(infra, "peeked", "first");
    const [message] = await infra.management.peek("peeked");
    expect(message?.payload).to.equal("first");
    expect(message?.properties["headers"]).to.include({ reason: "poison" });
    expect(await infra.management.depths(["peeked"])).to.deep.equal({ peeked: 1 });
  });

  it("deletes a queue, and finds nothing wrong in doing so twice", async () => {
    await declare(infra, "deleted", "classic");
    await infra.management.deleteQueue("deleted");
    await infra.management.deleteQueue("deleted");
    expect((await infra.management.queues()).map(({ name }) => name)).not.to.include("deleted");
  });

  it("gives another team's user its own rights in the vhost, and takes the user away with it", async () => {
    const other = await openInfra("team");
    const url = new URL(
      await other.management.createUser("team", "p@ss", { configure: "^team\\.", write: "", read: "^team\\." }),
    );
    expect([url.username, url.password, url.pathname]).to.deep.equal([
      `${other.vhost}.team`,
      "p%40ss",
      `/${other.vhost}`,
    ]);
    expect(await http.get(`/permissions/${other.vhost}/${other.vhost}.team`)).to.include({
      configure: "^team\\.",
      write: "",
    });
    await other[Symbol.asyncDispose]();
    await eventually(async () => JSON.stringify(await http.get("/users")).includes(other.vhost), false);
  });

  it("closes no connection, and does not fail, when there is none", async () => {
    await infra.management.closeConnections();
  });
});
