import { MessageCreated, type PayloadOf, type ReplyOf, type SendMessage } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { answerQuestion } from "./answer-question.ts";
import type { Blockers, Check } from "../blockers.ts";
import { followChange } from "../changed-conversations.ts";
import { needsStanding } from "../domain/access.ts";
import type { ConversationRow } from "../domain/conversation.ts";
import { membershipKey } from "../domain/membership.ts";
import { messageCreated, type MessageRow, senderUser } from "../domain/message.ts";
import { messageView } from "../domain/message-view.ts";
import { contentIdsOf } from "../domain/parts.ts";
import {
  audienceKey,
  conversationOfSending,
  type Known,
  lastSeen,
  messageOfSending,
  newestOf,
  placeMessages,
  type Verdict,
} from "../domain/sending.ts";
import type { Policing } from "../policing.ts";
import type { ReferencedContents } from "../referenced-contents.ts";
import type { BanStore } from "../store/ban-store.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { ForgottenUserStore } from "../store/forgotten-user-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { MessageStore } from "../store/message-store.ts";
import type { ScheduleStore } from "../store/schedule-store.ts";

export interface SendingDeps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly forgottenUsers: ForgottenUserStore;
  readonly bans: BanStore;
  readonly messages: MessageStore;
  readonly schedules: ScheduleStore;
  readonly contents: ReferencedContents;
  readonly blockers: Blockers;
  readonly policing: Policing;
  readonly publisher: Publisher;
  readonly now: () => number;
}

type Sending = Delivery<PayloadOf<typeof SendMessage>>;
type Sent = ReplyOf<typeof SendMessage>;

/** How often an id or a position may be taken between the look and the insert. Each time there is one writer less. */
const ATTEMPTS = 5;

/**
 * Sends the messages of a group. Round trips for a group of any size, one behind the other: what is there (conversations
 * and ids at once), who blocks whom (the directory), the insert, the marks (conversations and memberships at once), the
 * events. Only a group that refers to content, has ids that callers chose, or has senders who are no participants, asks
 * more; at once with the first or the second.
 *
 * Positions are given here, in memory, and the unique index has the last word: after a takeover, when somebody else's
 * insert came first, what is there is looked at again, with the highest position from the index.
 */
export const sendMessages =
  (deps: SendingDeps) =>
  async (deliveries: readonly Sending[]): Promise<readonly Outcome<Sent>[]> => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const known = await deps.policing.counted(deliveries, await look(deps, deliveries, attempt > 1));
      const verdicts = placeMessages(deliveries, known);
      // Refused now, it may have been sent before: whether its message is there was not looked at for all.
      if (attempt === 1 && verdicts.some(({ kind }) => kind === "refused")) continue;
      const news = verdicts.flatMap((verdict) => (verdict.kind === "sent" && verdict.isNew ? [verdict.row] : []));
      if (await deps.messages.insert(news)) {
        await Promise.all([
          followUp(deps, deliveries, verdicts),
          deps.policing.refuse(deps.publisher, deliveries, verdicts),
        ]);
        return verdicts.map(outcomeOf);
      }
    }
    throw new Error("positions or ids were taken again and again while messages were inserted");
  };

/**
 * All that must be known to place a group. `distrusting`, it also asks for messages that nobody should have sent, and the
 * index where conversations end.
 */
async function look(deps: SendingDeps, deliveries: readonly Sending[], distrusting: boolean): Promise<Known> {
  const [conversations, stored, scheduled, lackingContent, judgements] = await Promise.all([
    deps.conversations.findMany(deliveries.map(conversationOfSending)),
    deps.messages.findMany([...new Set(deliveries.filter(mayBeThere(distrusting)).map(messageOfSending))]),
    findScheduled(deps, deliveries),
    findLackingContent(deps, deliveries),
    deps.policing.judged(deliveries, distrusting),
  ]);
  // A message that is there has its blockers in it; a conversation that is not has nobody to ask about.
  const open = deliveries.flatMap((delivery) => {
    const conversation = conversations.get(conversationOfSending(delivery));
    const isPlaced = stored.get(messageOfSending(delivery))?.by === delivery.id;
    return conversation && !isPlaced ? [{ delivery, conversation }] : [];
  });
  const [heard, formerMembers, highest] = await Promise.all([
    findHeard(deps, open),
    findFormerMembers(deps, open),
    distrusting ? findHighest(deps, open) : new Map<string, number>(),
    followChanges(deps, open),
  ]);
  return {
    conversations,
    stored,
    scheduled,
    highest,
    formerMembers,
    lackingContent,
    heard,
    judgements,
    now: deps.now(),
  };
}

/**
 * Whether a message may be there already. One whose id was made for this command is so only when the command comes again,
 * and where the broker does not say that it does (it was published twice), the index refuses the insert.
 */
const mayBeThere =
  (distrusting: boolean) =>
  ({ isRedelivered, payload }: Sending): boolean =>
    distrusting || isRedelivered || payload.isIdNew !== true;

/**
 * Who is to send what has an id that a caller may have chosen, if a schedule is. What the same conversation is scheduled
 * to say is known here for sure, since one writer does both.
 */
async function findScheduled({ schedules }: SendingDeps, deliveries: readonly Sending[]) {
  const chosen = deliveries.filter(({ payload }) => payload.isIdNew !== true);
  const answers = [...Map.groupBy(chosen, ({ app }) => app)].map(([app, some]) =>
    schedules.findSendings(
      app,
      some.map(({ payload }) => payload.messageId),
    ),
  );
  return new Map((await Promise.all(answers)).flat());
}

async function findLackingContent({ contents }: SendingDeps, deliveries: readonly Sending[]) {
  const lacking = await Promise.all(
    deliveries.map(async ({ id, app, payload }) => {
      const contentIds = contentIdsOf(payload.parts);
      if (contentIds.length === 0) return [];
      const missing = await contents.findMissing(app, payload.conversationId, contentIds);
      return missing.length > 0 ? [id] : [];
    }),
  );
  return new Set(lacking.flat());
}

interface Open {
  readonly delivery: Sending;
  readonly conversation: ConversationRow;
}

/** One question per app, with one check per conversation and sender. */
async function findHeard({ blockers }: SendingDeps, open: readonly Open[]) {
  const checks = new Map<string, { readonly cause: Sending; readonly check: Check }>();
  for (const { delivery, conversation } of open) {
    const senderId = senderUser(delivery.payload.sender);
    const key = audienceKey(delivery);
    if (senderId === null || checks.has(key)) continue;
    const userIds = conversation.participants.filter((userId) => userId !== senderId);
    // Whether she is muted is in the answer too, and whoever comes in later reads what she says to nobody now.
    if (userIds.length > 0 || delivery.payload.authority === "user")
      checks.set(key, { cause: delivery, check: { senderId, userIds } });
  }
  const perApp = Map.groupBy(checks, ([, { cause }]) => cause.app);
  const answers = [...perApp].map(async ([app, entries]) => {
    const [first] = entries;
    if (!first) return [];
    const asked = entries.map(([, { check }]) => check);
    const found = await blockers.find(app, asked, first[1].cause);
    return entries.flatMap(([key], index) => (found[index] ? [[key, found[index]] as const] : []));
  });
  return new Map((await Promise.all(answers)).flat());
}

/** Almost never anything: a command that changes a conversation comes again, or is dead-lettered, before messages do. */
async function followChanges(deps: SendingDeps, open: readonly Open[]): Promise<void> {
  const latest = new Map(open.map((one) => [one.conversation._id, one]));
  await Promise.all(
    [...latest.values()].map(({ conversation, delivery }) => followChange(deps)(conversation, delivery)),
  );
}

function findFormerMembers({ memberships }: SendingDeps, open: readonly Open[]) {
  const keys = open.flatMap(({ delivery: { app, payload }, conversation }) => {
    const user = senderUser(payload.sender);
    if (user === null || !needsStanding(payload, conversation)) return [];
    return [membershipKey(app, user, conversation.conversationId)];
  });
  return memberships.findMany(keys);
}

async function findHighest({ messages }: SendingDeps, open: readonly Open[]): Promise<ReadonlyMap<string, number>> {
  const conversations = new Map(open.map(({ conversation }) => [conversation._id, conversation]));
  return new Map(
    await Promise.all(
      [...conversations].map(
        async ([key, { app, conversationId }]) => [key, await messages.highestPosition(app, conversationId)] as const,
      ),
    ),
  );
}

/** What follows from messages that are stored, now or since an earlier delivery of the same command. */
async function followUp(deps: SendingDeps, deliveries: readonly Sending[], verdicts: readonly Verdict[]) {
  const sent = new Map<string, { row: MessageRow; cause: Sending }>();
  for (const [index, verdict] of verdicts.entries()) {
    const cause = deliveries[index];
    // Deleted since: it was followed up before it was deleted, and nothing may bring it back.
    if (!cause || verdict.kind !== "sent" || verdict.row.deletedAt !== undefined) continue;
    sent.set(verdict.row._id, { row: verdict.row, cause });
  }
  const rows = [...sent.values()].map(({ row }) => row);
  await Promise.all([
    deps.conversations.advance(newestOf(rows).map(newestMark)),
    deps.memberships.raise(lastSeen(rows)),
  ]);
  const answer = answerQuestion(deps);
  await deps.policing.flag(deps.publisher, [...sent.values()]);
  await Promise.all(
    [...sent.values()].map(({ row, cause }) =>
      deps.publisher.emit(MessageCreated, row.app, messageCreated(row), { id: `${row.by}.message-created`, cause }),
    ),
  );
  // One after the other: two of a group may answer the same question.
  for (const { row, cause } of sent.values()) await answer(row, cause);
}

const newestMark = ({ app, conversation, position, sentAt }: MessageRow) => ({
  app,
  conversationId: conversation,
  position,
  at: sentAt,
});

function outcomeOf(verdict: Verdict): Outcome<Sent> {
  switch (verdict.kind) {
    case "refused":
      return refuse(verdict.error);
    case "ask":
      return reply({ outcome: "ask", message: null, beforeSend: verdict.beforeSend });
    case "in-use":
      return reply({ outcome: "in-use", message: verdict.row && messageView(verdict.row) });
    case "sent":
      return reply({ outcome: "sent", message: messageView(verdict.row) });
    default:
      return verdict satisfies never;
  }
}
