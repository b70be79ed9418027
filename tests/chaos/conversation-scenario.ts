import { randomUUID } from "node:crypto";
import { StrataError } from "@strata/cli";
import { eventually, userIds } from "@strata/testing";
import { type Platform, type ServiceName, startPlatform, type TestApp } from "@strata/tests-platform";
import { z } from "zod";
import { deadLettersOf, type Kill, killAtWork } from "./kill-at-work.ts";
import { seededRandom } from "./seeded-random.ts";

export interface ConversationScenario {
  readonly name: string;
  readonly seed: number;
  readonly kills: number;
  readonly writers: number;
  readonly conversations: number;
  /** A build with a planted fault, in place of a service's own. */
  readonly main?: Partial<Record<ServiceName, URL>>;
}

/** What a checker outside found, from the log of what was accepted, the rows, and what the API says. */
export interface ConversationFindings {
  readonly kills: readonly Kill[];
  readonly accepted: number;
  /** Accepted, and not there, or there without having been sent. */
  readonly missing: number;
  readonly foreign: number;
  /** Conversations whose positions are not 1, 2, 3, … */
  readonly gaps: readonly string[];
  /** Messages that stand before one which their writer had sent earlier. */
  readonly outOfOrder: number;
  /** Users to whom the API says another number of unread messages than the rows. */
  readonly unreadWrong: readonly string[];
  readonly read: number;
  readonly deadLetters: Readonly<Record<string, number>>;
}

interface Sent {
  readonly messageId: string;
  readonly conversation: string;
  readonly writer: string;
}

const Created = z.object({ id: z.string() });
const Row = z.object({
  conversation: z.string(),
  messageId: z.string(),
  position: z.number(),
  sender: z.object({ userId: z.string() }),
  recipients: z.array(z.string()),
  read: z.array(z.object({ user: z.string() })),
});
type Row = z.infer<typeof Row>;
const Conversations = z.array(z.object({ id: z.string(), unread_message_count: z.number() }));

/** One in so many messages is read by somebody. */
const READ_EVERY = 3;

const lastSegment = (uri: string): string => uri.split("/").at(-1) ?? "";

/** Writers send without a pause while the service is killed again and again; then everything is looked at. */
export async function runConversationKills(scenario: ConversationScenario): Promise<ConversationFindings> {
  await using platform = await startPlatform(scenario.name, scenario.main ? { main: scenario.main } : {});
  const app = await platform.createApp();
  const writers = userIds(scenario.writers);
  await platform.insertUsers(app.appId, writers);
  const conversations: string[] = [];
  for (let n = 0; n < scenario.conversations; n += 1) conversations.push(await createConversation(app, writers));

  const random = seededRandom(scenario.seed);
  const stopping = new AbortController();
  const sent: Sent[] = [];
  const writing = Promise.all(
    writers.map(async (writer, index) => {
      for (let n = index; !stopping.signal.aborted; n += 1) {
        const conversation = conversations[n % conversations.length] ?? "";
        sent.push(await send(app, writer, conversation));
        const one = sent[Math.floor(Math.random() * sent.length)];
        if (n % READ_EVERY === 0 && one && one.writer !== writer) await read(app, writer, one.messageId);
      }
    }),
  );
  const kills: Kill[] = [];
  for (let n = 0; n < scenario.kills; n += 1) {
    kills.push(await killAtWork(platform, "conversation", random));
    const before = sent.length;
    await platform.start("conversation");
    // So that the next kill meets a service that has come back to work.
    await eventually(() => sent.length > before + 3 * scenario.writers, true, { deadlineMs: 60_000 });
  }
  stopping.abort();
  await writing;
  return { kills, ...(await examine(platform, app, sent, writers, conversations)) };
}

async function createConversation({ appId, client }: TestApp, writers: readonly string[]): Promise<string> {
  const body = { participants: writers.map((user) => `layer:///identities/${user}`) };
  const answer = await client.request("POST", `/apps/${appId}/conversations`, { body });
  return lastSegment(Created.parse(answer.body).id);
}

/** Sends until it is accepted; a 409 says that an earlier try was, and only its answer got lost. */
async function send({ appId, client }: TestApp, writer: string, conversation: string): Promise<Sent> {
  const messageId = randomUUID();
  const path = `/apps/${appId}/users/${writer}/conversations/${conversation}/messages`;
  const body = { parts: [{ mime_type: "text/plain", body: `chaos ${messageId}` }] };
  await untilTaken(() => client.request("POST", path, { ifNoneMatch: messageId, body }));
  return { messageId, conversation, writer };
}

/** A message that is lost cannot be read; that it is lost is what `examine` finds. */
const read = ({ appId, client }: TestApp, user: string, messageId: string): Promise<void> =>
  untilTaken(
    () =>
      client.request("POST", `/apps/${appId}/users/${user}/messages/${messageId}/receipts`, { body: { type: "read" } }),
    404,
  );

async function untilTaken(request: () => Promise<unknown>, enough = 409): Promise<void> {
  for (;;) {
    try {
      await request();
      return;
    } catch (error) {
      if (error instanceof StrataError && error.status === enough) return;
      if (!(error instanceof StrataError && error.status === 503)) throw error;
    }
  }
}

async function examine(
  platform: Platform,
  app: TestApp,
  sent: readonly Sent[],
  writers: readonly string[],
  conversations: readonly string[],
): Promise<Omit<ConversationFindings, "kills">> {
  const documents = await platform.db("conversation").collection("messages").find({ app: app.appId }).toArray();
  const rows = documents.map((document) => Row.parse(document)).toSorted((a, b) => a.position - b.position);
  const [wanted, found] = [new Set(sent.map(({ messageId }) => messageId)), new Set(rows.map((row) => row.messageId))];
  return {
    accepted: sent.length,
    missing: sent.filter(({ messageId }) => !found.has(messageId)).length,
    foreign: rows.length - rows.filter(({ messageId }) => wanted.delete(messageId)).length,
    gaps: conversations.filter((conversation) => !isDense(rows.filter((row) => row.conversation === conversation))),
    outOfOrder: outOfOrder(sent, rows),
    unreadWrong: (await Promise.all(writers.map((writer) => unreadFaults(app, writer, rows, conversations)))).flat(),
    read: rows.reduce((sum, row) => sum + row.read.length, 0),
    deadLetters: await deadLettersOf(platform),
  };
}

const isDense = (rows: readonly Row[]): boolean => rows.every(({ position }, index) => position === index + 1);

function outOfOrder(sent: readonly Sent[], rows: readonly Row[]): number {
  const positions = new Map(rows.map(({ messageId, position }) => [messageId, position]));
  const latest = new Map<string, number>();
  let count = 0;
  for (const { writer, conversation, messageId } of sent) {
    const position = positions.get(messageId) ?? 0;
    if (position < (latest.get(`${writer}/${conversation}`) ?? 0)) count += 1;
    latest.set(`${writer}/${conversation}`, position);
  }
  return count;
}

/** Recounted from the raw rows, and compared with what the API says to her. */
async function unreadFaults(
  { appId, client }: TestApp,
  user: string,
  rows: readonly Row[],
  conversations: readonly string[],
): Promise<readonly string[]> {
  const { body } = await client.request("GET", `/apps/${appId}/users/${user}/conversations?page_size=100`);
  const said = new Map(
    Conversations.parse(body).map(({ id, unread_message_count }) => [lastSegment(id), unread_message_count]),
  );
  return conversations.flatMap((conversation) => {
    const unread = rows.filter(
      (row) =>
        row.conversation === conversation &&
        row.recipients.includes(user) &&
        row.sender.userId !== user &&
        !row.read.some((one) => one.user === user),
    ).length;
    const answer = said.get(conversation);
    return answer === unread ? [] : [`${user} in ${conversation}: ${unread} by the rows, ${answer} by the API`];
  });
}
