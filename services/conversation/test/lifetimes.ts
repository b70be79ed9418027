import {
  CancelConversationSchedule,
  ChangeConversationSchedule,
  type ConversationTerms,
  type CreateConversation,
  type PayloadOf,
  type ReplyOf,
  type ScheduleChange,
  type SystemMessage,
} from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { nextStep } from "../src/domain/lifecycle.ts";
import {
  cancelConversationSchedule,
  changeConversationSchedule,
} from "../src/handlers/change-conversation-schedule.ts";
import { createConversation } from "../src/handlers/create-conversation.ts";
import { findParticipants } from "../src/handlers/find-participants.ts";
import { getConversation } from "../src/handlers/get-conversation.ts";
import { getConversationViews } from "../src/handlers/get-conversation-views.ts";
import { getUserConversation } from "../src/handlers/get-user-conversation.ts";
import { listMessages } from "../src/handlers/list-messages.ts";
import { listUserConversations } from "../src/handlers/list-user-conversations.ts";
import { sendMessages } from "../src/handlers/send-message.ts";
import { takeConversationStep } from "../src/handlers/take-conversation-step.ts";
import { summariesOf } from "../src/message-summaries.ts";
import { sharedSummariesOf } from "../src/shared-summaries.ts";
import { aDraft, blocking, repliedBy } from "./messages.ts";
import { aConversationId, aDelivery, limits, namingUsers, type openStores, recordingPublisher } from "./support.ts";

type Stores = Awaited<ReturnType<typeof openStores>>;

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** What the operator says. */
export const saying = (body: string): SystemMessage => ({
  sender: { userId: "operator" },
  parts: [{ mimeType: "text/plain", body, encoding: null }],
  notification: null,
});

export const terms = (changed: Partial<ConversationTerms> = {}): ConversationTerms => ({
  opensAt: null,
  iceBreaker: [],
  closing: null,
  graceMs: HOUR,
  warning: null,
  visibleHistory: "all",
  ...changed,
});

type Creation = PayloadOf<typeof CreateConversation>;

export const aCreation = (changed: Partial<Creation> = {}): Creation => ({
  conversationId: aConversationId(),
  participants: userIds(2),
  distinct: false,
  metadata: null,
  limits: limits(),
  ...changed,
});

/** Handlers over real stores, by a clock that the test moves, and what they publish. */
export function lifetime(stores: Stores, app = anAppId()) {
  let at = Date.now();
  const { events, publisher, failNext } = recordingPublisher();
  const deps = { ...stores, ...blocking(), ...namingUsers(), publisher, now: () => at };
  const create = async (changed: Partial<Creation> = {}): Promise<ReplyOf<typeof CreateConversation>> =>
    repliedBy(await createConversation(deps)(aDelivery(aCreation(changed), { app })));
  const send = async (conversationId: string, changed: Parameters<typeof aDraft>[1] = {}) => {
    const [outcome] = await sendMessages(deps)([
      aDelivery(aDraft(conversationId, { sender: { userId: aUserId(1) }, ...changed }), { app }),
    ]);
    return outcome?.kind === "refuse" ? outcome.error.code : "sent";
  };
  const rowOf = async (conversationId: string) => {
    const row = await stores.conversations.find(app, conversationId);
    if (!row) throw new Error(`there is no ${conversationId}`);
    return row;
  };
  /** The command for what is next, as of now. */
  const stepOf = async (conversationId: string) => {
    const { by, lifecycle } = await rowOf(conversationId);
    const revision = lifecycle?.revision ?? 0;
    return aDelivery({ conversationId, revision }, { app, id: `${by}.step.${revision}` });
  };
  return {
    app,
    deps,
    events,
    failNext,
    create,
    send,
    rowOf,
    stepOf,
    now: () => at,
    pass: (ms: number) => void (at += ms),
    take: takeConversationStep(deps),
    async step(conversationId: string) {
      await takeConversationStep(deps)(await stepOf(conversationId));
    },
    /** Everything that is due, and what comes due by that. */
    async stepAll(conversationId: string) {
      for (;;) {
        const { lifecycle, deletedAt } = await rowOf(conversationId);
        const next = lifecycle && deletedAt === undefined ? nextStep(lifecycle, at) : null;
        if (next === null || next.at > at) return;
        await takeConversationStep(deps)(await stepOf(conversationId));
      }
    },
    change: async (conversationId: string, change: ScheduleChange) =>
      repliedBy(
        await changeConversationSchedule(deps)(
          aDelivery(ChangeConversationSchedule.payload.parse({ conversationId, change }), { app }),
        ),
      ),
    cancel: (conversationId: string) =>
      cancelConversationSchedule(deps)(
        aDelivery(CancelConversationSchedule.payload.parse({ conversationId }), { app }),
      ),
    eventsOf: (conversationId: string) =>
      events
        .filter(({ payload }) => Object(payload)["conversationId"] === conversationId)
        .map(({ type }) => type.replace(/^conversation\.(.*)\.v1$/, "$1")),
  };
}

/** What a user may ask of a conversation and be answered, when it is not there to her. */
export const NOTHING = {
  standing: "stranger",
  conversation: null,
  listed: [],
  total: 0,
  messages: null,
  views: 0,
  found: 0,
};

/** All that users, and those who tell them, may ask, and what they are answered. */
export function lookingAt(stores: Stores) {
  const summaries = summariesOf(stores.timelines);
  const deps = { ...stores, summaries, sharedSummaries: sharedSummariesOf({ timelines: stores.timelines, summaries }) };
  return {
    async seenOf(conversationId: string, app: string, userId = aUserId(1)) {
      const ask = <P>(payload: P) => aDelivery(payload, { app });
      const page = { after: null, limit: 10 };
      const [one, listed, messages, views, found] = await Promise.all([
        getUserConversation(deps)(ask({ conversationId, userId })),
        listUserConversations(deps)(ask({ userId, order: "created_at" as const, ...page })),
        listMessages(deps)(ask({ conversationId, viewer: userId, ...page })),
        getConversationViews(deps)(ask({ conversationId, userIds: [userId], messageIds: [] })),
        findParticipants(deps)(ask({ conversationIds: [conversationId] })),
      ]);
      const list = repliedBy(listed);
      return {
        standing: repliedBy(one).standing,
        conversation: repliedBy(one).conversation,
        listed: list.conversations?.map((row) => row.conversationId),
        total: list.total,
        messages:
          repliedBy(messages)
            .messages?.map(({ parts }) => parts[0]?.body)
            .toReversed() ?? null,
        views: repliedBy(views).views.length,
        found: repliedBy(found).found.length,
      };
    },
    async lifecycleOf(conversationId: string, app: string) {
      return repliedBy(await getConversation(stores)(aDelivery({ conversationId }, { app }))).conversation?.lifecycle;
    },
    countDue: (app: string) =>
      stores.db.collection("conversations").countDocuments({ app, stepDueAt: { $exists: true } }),
  };
}
