import { eventually, type SpawnedService } from "@strata/testing";
import { expect } from "chai";
import { expectStatus } from "./support/api-client.ts";
import { type CatchingUpClient, catchingUpClient, listedOrder } from "./support/catching-up-client.ts";
import { addBackend, signIn, userClient } from "./support/sign-in.ts";
import { openWorld, type Platform, startPlatform } from "./support/world.ts";

const WRITERS = 20;
const MESSAGES = 15;

const urlOf = async (service: SpawnedService) =>
  `ws://127.0.0.1:${String((await service.logged("listening"))["port"])}`;

interface Findings {
  /** All messages as REST lists them at the end, oldest first, and those that their writers were told to be there. */
  readonly truth: readonly string[];
  readonly sent: readonly string[];
  /** Each of them has been told of the last message, and has caught up. */
  readonly clients: readonly CatchingUpClient[];
}

/** Users write into one conversation while one replica after the other is killed and started again. */
async function writeWhileKilling(
  platform: Platform,
  kills: number,
  check: (findings: Findings) => void | Promise<void>,
): Promise<void> {
  const world = await openWorld(platform);
  const backend = await addBackend(world);
  const users = await world.users(WRITERS);
  const conversation = await world.conversation(users);
  const conversationId = `layer:///conversations/${conversation}`;
  const replicas: SpawnedService[] = [platform.service("realtime"), await platform.start("realtime")];
  const urls = await Promise.all(replicas.map(urlOf));
  await using closing = new AsyncDisposableStack();
  const clients: CatchingUpClient[] = [];
  for (const user of users) {
    const session = await signIn(platform.baseUrl, backend, user);
    clients.push(closing.use(await catchingUpClient(() => urls, session)));
  }
  const [first] = clients;
  if (!first) throw new Error("unreachable: there are writers");

  const writing = Promise.all(
    clients.map(async (client, writer) => {
      const sent: string[] = [];
      for (let n = 0; n < MESSAGES; n += 1) sent.push(await client.send(conversationId, `${writer}/${n}`));
      return sent;
    }),
  );
  for (let kill = 0; kill < kills; kill += 1) {
    const victim = kill % replicas.length;
    const seen = first.order().length;
    await eventually(() => first.order().length > seen, true, { deadlineMs: 30_000 });
    await replicas[victim]?.kill("SIGKILL");
    const next = await platform.start("realtime");
    replicas[victim] = next;
    urls[victim] = await urlOf(next);
  }
  const sent = (await writing).flat();
  for (const client of clients) await client.caughtUp();
  // Told behind all others: who has it, and has caught up, is told of nothing else any more.
  const last = await first.send(conversationId, "last");
  for (const client of clients) {
    await eventually(() => client.order().includes(last), true, { deadlineMs: 30_000 });
    await client.caughtUp();
  }

  const rest = userClient(platform.baseUrl, await signIn(platform.baseUrl, backend, users[0] ?? ""));
  const truth = await listedOrder(async (fromId) => {
    const from = fromId === null ? "" : `&from_id=${fromId}`;
    return expectStatus(await rest("GET", `/conversations/${conversation}/messages?page_size=100${from}`), 200).json;
  });
  await check({ truth, sent: [...sent, last], clients });
}

/** Replicas of realtime die without a word; what their clients see in the end must not show it (DESIGN.md, guarantee 5). */
describe("sockets whose replica is killed", function killedSockets() {
  this.timeout(180_000);

  it("end with the same messages in the same order for all of 20 writers, and lose none", async () => {
    await using platform = await startPlatform("socket-kills");
    await writeWhileKilling(platform, 4, async ({ truth, sent, clients }) => {
      expect(sent).to.have.lengthOf(WRITERS * MESSAGES + 1);
      expect(truth.toSorted()).to.deep.equal(sent.toSorted());
      for (const client of clients) await eventually(() => client.order(), truth, { deadlineMs: 30_000 });
      expect(clients.some(({ returns }) => returns > 0)).to.equal(true);
    });
  });

  it("would notice a build that tells before it logs", async () => {
    const main = { realtime: new URL("../chaos/planted/tell-before-log.ts", import.meta.url) };
    await using platform = await startPlatform("socket-kills-planted", { main });
    await writeWhileKilling(platform, 2, ({ truth, clients }) => {
      expect(clients.some((client) => client.order().length < truth.length)).to.equal(true);
    });
  });
});
