import { eventually, type SpawnedService } from "@strata/testing";
import { expect } from "chai";
import { expectStatus } from "./support/api-client.ts";
import { type CatchingUpClient, catchingUpClient, listedOrder } from "./support/catching-up-client.ts";
import { addBackend, signIn, userClient } from "./support/sign-in.ts";
import { openWorld, type Platform, startPlatform } from "./support/world.ts";

const WRITERS = 20;
const MESSAGES = 15;
const KILLS = 4;

const urlOf = async (service: SpawnedService) =>
  `ws://127.0.0.1:${String((await service.logged("listening"))["port"])}`;

/** Replicas of realtime die without a word; what their clients see in the end must not show it (DESIGN.md, guarantee 5). */
describe("sockets whose replica is killed", function killedSockets() {
  this.timeout(180_000);
  let platform: Platform;
  before(async () => {
    platform = await startPlatform("socket-kills");
  });
  after(() => platform[Symbol.asyncDispose]());

  it("end with the same messages in the same order for all of 20 writers, and lose none", async () => {
    const world = await openWorld(platform);
    const backend = await addBackend(world);
    const users = await world.users(WRITERS);
    const conversation = await world.conversation(users);
    const conversationId = `layer:///conversations/${conversation}`;
    const replicas: SpawnedService[] = [platform.service("realtime"), await platform.start("realtime")];
    const urls = await Promise.all(replicas.map(urlOf));
    const clients: CatchingUpClient[] = [];
    for (const user of users) {
      clients.push(await catchingUpClient(() => urls, await signIn(platform.baseUrl, backend, user)));
    }

    const writing = Promise.all(
      clients.map(async (client, writer) => {
        const sent: string[] = [];
        for (let n = 0; n < MESSAGES; n += 1) sent.push(await client.send(conversationId, `${writer}/${n}`));
        return sent;
      }),
    );
    for (let kill = 0; kill < KILLS; kill += 1) {
      const victim = kill % replicas.length;
      const seen = clients[0]?.order().length ?? 0;
      await eventually(() => (clients[0]?.order().length ?? 0) > seen, true, { deadlineMs: 30_000 });
      await replicas[victim]?.kill("SIGKILL");
      const next = await platform.start("realtime");
      replicas[victim] = next;
      urls[victim] = await urlOf(next);
    }
    const sent = (await writing).flat();
    expect(sent).to.have.lengthOf(WRITERS * MESSAGES);

    const rest = userClient(platform.baseUrl, await signIn(platform.baseUrl, backend, users[0] ?? ""));
    const truth = await listedOrder(async (fromId) => {
      const from = fromId === null ? "" : `&from_id=${fromId}`;
      return expectStatus(await rest("GET", `/conversations/${conversation}/messages?page_size=100${from}`), 200).json;
    });
    expect(truth.toSorted()).to.deep.equal(sent.toSorted());
    for (const client of clients) await eventually(() => client.order(), truth, { deadlineMs: 30_000 });
    expect(clients.some(({ returns }) => returns > 0)).to.equal(true);
    for (const client of clients) await client[Symbol.asyncDispose]();
  });
});
