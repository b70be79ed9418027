import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { summariesOf } from "../message-summaries.ts";
import { sharedSummariesOf } from "../shared-summaries.ts";
import { aDraft, blocking, repliedBy, sentOf } from "../../test/messages.ts";
import { aConversation, aDelivery, limits, namingUsers, openStores, recordingPublisher } from "../../test/support.ts";
import { changeConversation } from "./change-conversation.ts";
import { clearConversation } from "./clear-conversation.ts";
import { conversationOf, type ConversationRow } from "../domain/conversation.ts";
import { countUnread, countUnreadOfUsers } from "./count-unread.ts";
import { deleteMessage, hideMessage } from "./delete-message.ts";
import { findParticipants } from "./find-participants.ts";
import { getConversationViews } from "./get-conversation-views.ts";
import { getMessage } from "./get-message.ts";
import { getUserConversation } from "./get-user-conversation.ts";
import { listMessages } from "./list-messages.ts";
import { markAllRead } from "./mark-all-read.ts";
import { recordMessageReceipts } from "./record-message-receipts.ts";
import { sendMessages } from "./send-message.ts";

const USERS = 4;

const user = fc.integer({ min: 1, max: USERS });
const place = fc.nat({ max: 30 });
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("send"), user, blockers: fc.uniqueArray(user), place }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("read", "delivered"), user, place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("mark", "hide", "delete"), user, place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("clear", "leave", "add"), user, place }) },
);
type Step = { kind: string; user: number; place: number; blockers?: number[] };

/** What is true of a message, kept the plainest way there is. */
interface Told {
  readonly messageId: string;
  readonly sender: string;
  readonly recipients: ReadonlySet<string>;
  readonly hiddenFor: Set<string>;
  readonly readBy: Set<string>;
  isDeleted: boolean;
}
interface Member {
  leftAt: number | null;
  cleared: number;
}

describe("counts of messages", function () {
  this.timeout(120_000);
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("message-counts");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** The handlers over one conversation, and beside them a list of what each of them should have made true. */
  async function aWorld() {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(USERS));
    const { publisher } = recordingPublisher();
    const deps = { ...stores, ...namingUsers(), publisher, summaries: summariesOf(stores.timelines) };
    const told: Told[] = [];
    const members = new Map<string, Member>(userIds(USERS).map((userId) => [userId, { leftAt: null, cleared: 0 }]));
    const participants = (): string[] => [...members].filter(([, { leftAt }]) => leftAt === null).map(([id]) => id);
    const memberOf = (userId: string): Member => members.get(userId) ?? { leftAt: 0, cleared: 0 };
    const isVisible = (userId: string, message: Told, position: number): boolean => {
      const { leftAt, cleared } = memberOf(userId);
      return (
        !message.isDeleted && !message.hiddenFor.has(userId) && position > cleared && position <= (leftAt ?? Infinity)
      );
    };
    const isUnread = (userId: string, message: Told, position: number): boolean =>
      isVisible(userId, message, position) &&
      message.recipients.has(userId) &&
      message.sender !== userId &&
      !message.readBy.has(userId);

    const change = (userId: string, kind: "add-participant" | "remove-participant") =>
      changeConversation(deps)(
        aDelivery({ conversationId, actor: null, changes: [{ kind, userId }], limits: limits() }, { app }),
      );

    const actions: Record<string, (userId: string, step: Step) => Promise<unknown>> = {
      async send(userId, { blockers = [] }) {
        if (memberOf(userId).leftAt !== null) return;
        const blockedBy = blockers.map((n) => aUserId(n)).filter((one) => one !== userId);
        const handle = sendMessages({ ...deps, ...blocking({ [userId]: blockedBy }) });
        const recipients = new Set(participants());
        const sent = sentOf((await handle([aDelivery(aDraft(conversationId, { sender: { userId } }), { app })]))[0]);
        const hiddenFor = new Set(blockedBy.filter((one) => recipients.has(one)));
        told.push({ ...sent, sender: userId, recipients, hiddenFor, readBy: new Set(), isDeleted: false });
        expect(sent.position).to.equal(told.length);
      },
      async read(userId, at) {
        await receipt(userId, at, "read");
      },
      async delivered(userId, at) {
        await receipt(userId, at, "delivered");
      },
      async mark(userId, at) {
        if (memberOf(userId).leftAt !== null) return;
        const position = Math.min(at.place, told.length);
        await markAllRead(deps)(aDelivery({ conversationId, userId, position, at: 5 }, { app }));
        for (const [index, message] of told.entries()) {
          if (index < position && isUnread(userId, message, index + 1)) message.readBy.add(userId);
        }
      },
      async hide(userId, at) {
        const message = told[at.place];
        if (!message || !isVisible(userId, message, at.place + 1)) return;
        const { messageId } = message;
        await hideMessage(deps)(aDelivery({ conversationId, messageId, userId }, { app }));
        message.hiddenFor.add(userId);
      },
      async delete(_userId, at) {
        const message = told[at.place];
        if (!message || message.isDeleted) return;
        const { messageId } = message;
        await deleteMessage(deps)(aDelivery({ conversationId, messageId, actor: null }, { app }));
        message.isDeleted = true;
      },
      async clear(userId) {
        await clearConversation(deps)(aDelivery({ conversationId, userId, leave: false }, { app }));
        memberOf(userId).cleared = told.length;
      },
      async leave(userId) {
        if (memberOf(userId).leftAt !== null || participants().length === 1) return;
        await change(userId, "remove-participant");
        memberOf(userId).leftAt = told.length;
      },
      async add(userId) {
        await change(userId, "add-participant");
        memberOf(userId).leftAt = null;
      },
    };
    const receipt = async (userId: string, { place: index }: Step, kind: "read" | "delivered") => {
      const message = told[index];
      if (!message) return;
      const reported = { messageId: message.messageId, userId, kind, at: 5 };
      await recordMessageReceipts(deps)([aDelivery(reported, { app })]);
      if (kind === "read" && isUnread(userId, message, index + 1)) message.readBy.add(userId);
    };

    /** Every number and list of a user, as the service has it and as it follows from what was told. */
    const compare = async (userId: string) => {
      const visible = told.filter((message, index) => isVisible(userId, message, index + 1));
      const unread = told.filter((message, index) => isUnread(userId, message, index + 1));
      const counted = repliedBy(await countUnread(deps)(aDelivery({ userId }, { app })));
      const ofUsers = repliedBy(await countUnreadOfUsers(deps)(aDelivery({ userIds: userIds(USERS) }, { app })));
      const together = ofUsers.unread.find((one) => one.userId === userId);
      const asked = { conversationId, viewer: userId, after: null, limit: 100 };
      const page = repliedBy(await listMessages(deps)(aDelivery(asked, { app })));
      const [conversation, membership] = await Promise.all([
        deps.conversations.find(app, conversationId),
        deps.memberships.find(app, userId, conversationId),
      ]);
      if (!conversation || !membership) throw new Error("the conversation is gone");
      const [summary] = await deps.summaries.of([{ conversation, membership }]);
      expect({
        ...counted,
        together: together && [together.messages, together.conversations],
        total: page.total,
        listed: page.messages?.map(({ messageId }) => messageId),
        unreadListed: page.messages?.filter((one) => one.isUnread).map(({ messageId }) => messageId),
        lastMessage: summary?.lastMessage?.messageId,
        summarised: [summary?.unreadCount, summary?.messageCount],
      }).to.deep.equal({
        unreadMessages: unread.length,
        unreadConversations: unread.length > 0 ? 1 : 0,
        together: unread.length > 0 ? [unread.length, 1] : undefined,
        total: visible.length,
        listed: visible.map(({ messageId }) => messageId).toReversed(),
        unreadListed: unread.map(({ messageId }) => messageId).toReversed(),
        lastMessage: visible.at(-1)?.messageId,
        summarised: [unread.length, visible.length],
      });
    };
    const of = <P>(payload: P) => aDelivery(payload, { app });
    /** What several are told of together is what each of them is told alone. */
    const compareViews = async () => {
      const everyone = [...userIds(USERS), "stranger"];
      const messageIds = told.map(({ messageId }) => messageId);
      const together = { ...deps, sharedSummaries: sharedSummariesOf(deps) };
      for (const some of [everyone, everyone.slice(0, 2)]) {
        const asked = of({ conversationId, userIds: some, messageIds });
        const views = repliedBy(await getConversationViews(together)(asked));
        const messages = new Map(views.messages.map((message) => [message.messageId, message]));
        for (const userId of some) {
          const alone = repliedBy(await getUserConversation(deps)(of({ conversationId, userId })));
          const seen: unknown[] = [];
          for (const messageId of messageIds) {
            const read = { messageId, conversationId, viewer: userId };
            const { message } = repliedBy(await getMessage(deps)(of(read)));
            if (message) seen.push(message);
          }
          const view = views.views.find((one) => one.userId === userId);
          const whole = (one: { messageId: string } | null) => one && { ...messages.get(one.messageId), ...one };
          expect({
            standing: view?.standing ?? "stranger",
            lastMessage: whole(view?.lastMessage ?? null),
            counts: [view?.unreadCount, view?.messageCount],
            messages: view?.messages.map(whole) ?? [],
          }).to.deep.equal({
            standing: alone.standing,
            lastMessage: alone.conversation?.lastMessage ?? null,
            counts: [alone.conversation?.unreadCount, alone.conversation?.messageCount],
            messages: seen,
          });
        }
        expect({ ...views.conversation, participants: [] }).to.deep.equal({
          ...conversationIn(await deps.conversations.find(app, conversationId)),
          participants: [],
        });
      }
      const { found } = repliedBy(await findParticipants(deps)(of({ conversationIds: [conversationId] })));
      expect(found.map((one) => new Set(one.participants))).to.deep.equal([new Set(participants())]);
    };
    /** Mostly about a message that there is. */
    const act = (one: Step) => actions[one.kind]?.(aUserId(one.user), { ...one, place: one.place % (told.length + 1) });
    return { act, compare, compareViews };
  }

  it("equal a plain recount, whatever users did in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 50, size: "max" }), async (steps) => {
        const { act, compare } = await aWorld();
        for (const one of steps) await act(one);
        for (const userId of userIds(USERS)) await compare(userId);
      }),
      { numRuns: 25, endOnFailure: false },
    );
  });

  it("are told of to many users at once as to each of them alone, and so is every message", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: "max" }), async (steps) => {
        const { act, compareViews } = await aWorld();
        for (const one of steps) await act(one);
        await compareViews();
      }),
      { numRuns: 20, endOnFailure: false },
    );
  });
});

function conversationIn(row: ConversationRow | null) {
  if (!row) throw new Error("the conversation is gone");
  return conversationOf(row);
}
