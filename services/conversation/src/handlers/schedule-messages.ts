import type { PayloadOf, ReplyOf, ScheduleMessages } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { missingContent, needsStanding, present, senderRefusal, sendingUser } from "../domain/access.ts";
import type { ConversationRow } from "../domain/conversation.ts";
import { membershipKey } from "../domain/membership.ts";
import { messageKey, senderUser } from "../domain/message.ts";
import { contentIdsOf } from "../domain/parts.ts";
import { isOfSchedule, newSchedule, scheduleKey, type ScheduleRow } from "../domain/schedule.ts";
import type { ReferencedContents } from "../referenced-contents.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { MessageStore } from "../store/message-store.ts";
import type { ScheduleStore } from "../store/schedule-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly messages: MessageStore;
  readonly schedules: ScheduleStore;
  readonly contents: ReferencedContents;
  readonly now: () => number;
}

type Scheduling = Delivery<PayloadOf<typeof ScheduleMessages>>;

type Scheduled = ReplyOf<typeof ScheduleMessages>;

/**
 * Accepts messages for later, all or none, by what is true now; what is true when they are due, decides again. A command
 * whose schedule is there already is itself come again, whatever else has changed meanwhile.
 */
export const scheduleMessages =
  (deps: Deps) =>
  async (delivery: Scheduling): Promise<Outcome<Scheduled>> => {
    const { app, id, payload } = delivery;
    const { conversationId } = payload;
    if (await deps.schedules.has(scheduleKey(app, id))) return reply({ outcome: "scheduled" });
    // They all come through one door.
    const [first] = payload.messages;
    const user = first ? sendingUser(first) : null;
    const conversation = present(conversationId, await deps.conversations.find(app, conversationId), user);
    if (conversation instanceof DomainError) throw conversation;
    await assertSenders(deps, delivery, conversation);
    const schedule = newSchedule(delivery, conversation);
    if (await areSent(deps, schedule)) return reply({ outcome: "in-use" });
    await assertContents(deps, delivery);
    return reply({ outcome: (await deps.schedules.insertNew(schedule)) ? "scheduled" : "in-use" });
  };

/** Whether there are messages under ids of a schedule that it has not sent itself. */
async function areSent({ messages }: Deps, schedule: ScheduleRow): Promise<boolean> {
  const sent = await messages.findMany(schedule.messageIds.map((messageId) => messageKey(schedule.app, messageId)));
  return [...sent.values()].some((message) => !isOfSchedule(schedule, message));
}

async function assertSenders({ memberships, now }: Deps, { app, payload }: Scheduling, conversation: ConversationRow) {
  const keyOf = (user: string): string => membershipKey(app, user, conversation.conversationId);
  const doubtful = payload.messages.filter((message) => needsStanding(message, conversation));
  const former = await memberships.findMany(doubtful.map(({ sender }) => keyOf(senderUser(sender) ?? "")));
  for (const message of payload.messages) {
    const membership = former.get(keyOf(senderUser(message.sender) ?? "")) ?? null;
    const refusal = senderRefusal(message, conversation, membership, now());
    if (refusal) throw refusal;
  }
}

async function assertContents({ contents }: Deps, { app, payload }: Scheduling): Promise<void> {
  const contentIds = contentIdsOf(payload.messages.flatMap(({ parts }) => parts));
  if (contentIds.length === 0) return;
  const missing = await contents.findMissing(app, payload.conversationId, contentIds);
  if (missing.length > 0) throw missingContent();
}
