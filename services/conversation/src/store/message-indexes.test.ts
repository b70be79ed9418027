import { randomUUID } from "node:crypto";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { messageKey, newMessage } from "../domain/message.ts";
import { summariesOf } from "../message-summaries.ts";
import { countUnread } from "../handlers/count-unread.ts";
import { listMessages } from "../handlers/list-messages.ts";
import { markAllRead } from "../handlers/mark-all-read.ts";
import { recordMessageReceipts } from "../handlers/record-message-receipts.ts";
import { aDraft, blocking, sentOf } from "../../test/messages.ts";
import { aConversation, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { sendMessages } from "../handlers/send-message.ts";
import type { ConversationView } from "../domain/conversation-summaries.ts";

/** One operation as MongoDB's profiler saw it. */
const Profiled = z.object({
  op: z.string(),
  ns: z.string(),
  planSummary: z.string().optional(),
  docsExamined: z.number().default(0),
  command: z.record(z.string(), z.unknown()).default({}),
});
type Profiled = z.infer<typeof Profiled>;

const CONVERSATIONS = 20;
const MESSAGES = 100;

const indexed = (seen: readonly Profiled[]): void => {
  for (const { planSummary, ns } of seen) {
    if (planSummary !== undefined) expect(planSummary, ns).to.match(/^(IXSCAN|IDHACK|COUNT_SCAN|DISTINCT_SCAN)/);
  }
};

const examined = (seen: readonly Profiled[]): number => seen.reduce((sum, { docsExamined }) => sum + docsExamined, 0);

const operations = (seen: readonly Profiled[]) => seen.map(({ op, ns }) => `${op} ${ns.split(".").at(-1)}`);

describe("queries of messages", function () {
  this.timeout(60_000);
  let stores: Awaited<ReturnType<typeof openStores>>;
  const app = anAppId();
  const views: ConversationView[] = [];
  let conversationId = "";
  before(async () => {
    stores = await openStores("message-indexes");
    await stores.policyStore.put(anAppId(), null, { at: 1, by: "x" });
    for (const n of Array.from({ length: CONVERSATIONS }).keys()) {
      const last = { lastPosition: MESSAGES, lastMessageAt: 5 };
      const conversation = await aConversation(stores, app, userIds(3), last);
      ({ conversationId } = conversation);
      const rows = Array.from({ length: MESSAGES }, (_, index) =>
        newMessage(
          { app, id: randomUUID(), payload: aDraft(conversationId) },
          // User 2 has the newest three hidden from her.
          {
            position: index + 1,
            sentAt: 5,
            participants: userIds(3),
            blockers: index >= MESSAGES - 3 ? [aUserId(2)] : [],
          },
        ),
      );
      await stores.messages.insert(rows);
      const [first] = rows;
      if (first) await stores.messages.delete(first._id, { by: "x", at: 1 });
      if (n % 4 === 0) await stores.memberships.clear(app, aUserId(2), conversationId, { position: 10, by: "x" });
      const membership = await stores.memberships.find(app, aUserId(2), conversationId);
      if (membership) views.push({ conversation, membership });
    }
  });
  after(() => stores[Symbol.asyncDispose]());

  /** Everything that the database did meanwhile, from its own profiler. */
  async function profiled(work: () => Promise<unknown>): Promise<readonly Profiled[]> {
    await stores.db.command({ profile: 2 });
    await work();
    await stores.db.command({ profile: 0 });
    const seen = z.array(Profiled).parse(await stores.db.collection("system.profile").find().toArray());
    await stores.db.dropCollection("system.profile");
    return seen.filter(({ ns }) => !ns.endsWith("system.profile") && !ns.endsWith("$cmd"));
  }

  it("summarise all of a user's conversations in four, each by index, reading little more than the newest messages", async () => {
    const seen = await profiled(() => summariesOf(stores.timelines).of(views));
    expect(seen).to.have.lengthOf(4);
    indexed(seen);
    // The newest that she sees, and in front of it the three that are hidden from her; all numbers come from the indexes.
    expect(examined(seen)).to.be.within(CONVERSATIONS, CONVERSATIONS * 4);
  });

  it("list a page in one find of so many documents, and count beside it without reading any", async () => {
    const asked = { conversationId, viewer: null, after: null, limit: 20 };
    const seen = await profiled(() => listMessages(stores)(aDelivery(asked, { app })));
    indexed(seen);
    const finds = seen.filter(({ ns, command }) => ns.endsWith(".messages") && "find" in command);
    expect(finds.map(({ docsExamined }) => docsExamined)).to.deep.equal([20]);
    expect(seen.filter(({ ns }) => ns.endsWith(".messages"))).to.have.lengthOf(2);
    expect(examined(seen)).to.equal(20 + 1);
  });

  it("count a user's unread messages from the index alone", async () => {
    const seen = await profiled(() => countUnread(stores)(aDelivery({ userId: aUserId(2) }, { app })));
    indexed(seen);
    const onMessages = seen.filter(({ ns }) => ns.endsWith(".messages"));
    expect(onMessages).to.have.lengthOf(1);
    expect(examined(onMessages)).to.equal(0);
  });

  it("send, mark and record by index, whatever else there is", async () => {
    const { publisher } = recordingPublisher();
    const draft = aDraft(conversationId);
    const seen = await profiled(async () => {
      const handle = sendMessages({ ...stores, ...blocking(), publisher });
      const { messageId } = sentOf((await handle([aDelivery(draft, { app })]))[0]);
      const receipt = { messageId, userId: aUserId(2), kind: "read" as const, at: 5 };
      await recordMessageReceipts({ ...stores, publisher })([aDelivery(receipt, { app })]);
      const mark = { conversationId, userId: aUserId(3), position: null, at: 5 };
      await markAllRead({ ...stores, publisher })(aDelivery(mark, { app }));
      await stores.messages.highestPosition(app, conversationId);
      await stores.messages.notificationOf(messageKey(app, messageId));
    });
    indexed(seen);
  });

  it("send a group of fifty in as many operations as one message", async () => {
    const handle = sendMessages({ ...stores, ...blocking(), publisher: recordingPublisher().publisher });
    const group = (count: number) =>
      profiled(() =>
        handle(Array.from({ length: count }, () => aDelivery(aDraft(conversationId, { isIdNew: true }), { app }))),
      );
    const fifty = operations(await group(50));
    expect(fifty).to.have.members([
      "query conversations",
      "insert messages",
      "update conversations",
      "update memberships",
    ]);
    expect(operations(await group(1))).to.have.members(fifty);
  });

  it("claim what is due by index, however much is not", async () => {
    await stores.schedules.insertNew({
      _id: `${app}/s`,
      app,
      conversation: conversationId,
      by: "s",
      messages: [],
      messageIds: ["m"],
      next: 0,
      sendAt: 1,
      isTypingDue: false,
      dueAt: Date.now() + 60_000,
      holder: "",
      endedAt: null,
    });
    indexed(await profiled(() => stores.schedules.claimDue("me", 1_000)));
  });
});
