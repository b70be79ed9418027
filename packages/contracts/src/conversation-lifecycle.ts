import { z } from "zod";
import { Conversation } from "./conversation.ts";
import { ConversationStep, LifecycleState, ScheduleChange } from "./conversation-terms.ts";
import { defineCommand, defineEvent } from "./define.ts";
import { ConversationId, MessageId, Millis, UserId } from "./values.ts";

/** One writer per conversation, so that a step and whatever changes it come one after the other. */
const ofConversation = {
  service: "conversation",
  lane: "conversations",
  version: 1,
  orderedBy: ({ conversationId }: { readonly conversationId: string }): string => conversationId,
} as const;

/**
 * Changes steps that have not happened yet; a conversation without any gets some. `wrong-state`: one of those named has
 * happened, and nothing was changed. Refused: `not_found`; `object_deleted`; `invalid_property` for what does not go with
 * what stays.
 */
export const ChangeConversationSchedule = defineCommand({
  ...ofConversation,
  name: "ChangeConversationSchedule",
  payload: z.object({ conversationId: ConversationId, change: ScheduleChange }),
  reply: z.object({ outcome: z.enum(["done", "wrong-state"]), conversation: Conversation }),
});

/**
 * Nothing happens by itself any more. A conversation that has not opened is deleted, as if it had never been; an open one
 * stays open, a closed one closed. Again: the same. Refused: `not_found`; `object_deleted`.
 */
export const CancelConversationSchedule = defineCommand({
  ...ofConversation,
  name: "CancelConversationSchedule",
  payload: z.object({ conversationId: ConversationId }),
});

/** Does what is due of a conversation. Nothing where its schedule has moved on since, or where nothing is due. Never refused. */
export const TakeConversationStep = defineCommand({
  ...ofConversation,
  name: "TakeConversationStep",
  payload: z.object({
    conversationId: ConversationId,
    /** Of the schedule by which it is due. */
    revision: z.number().int(),
  }),
});

const About = z.object({ conversationId: ConversationId, at: Millis });

/** What a conversation will do by itself was set or changed. `steps` are those to come, in their order. */
export const ConversationScheduleChanged = defineEvent({
  name: "conversation.schedule.changed",
  version: 1,
  producer: "conversation",
  payload: About.extend({
    state: LifecycleState,
    steps: z.array(z.object({ step: ConversationStep, at: Millis })),
  }),
});

/**
 * A conversation does nothing by itself any more; it is in `state` for good. Of one that was `scheduled` nobody ever hears,
 * and it is gone.
 */
export const ConversationScheduleCanceled = defineEvent({
  name: "conversation.schedule.canceled",
  version: 1,
  producer: "conversation",
  payload: About.extend({ state: LifecycleState }),
});

/** A conversation that was made for later has opened: it is created to all the world, and what it begins with is sent. */
export const ConversationOpened = defineEvent({
  name: "conversation.conversation.opened",
  version: 1,
  producer: "conversation",
  payload: About.extend({ participants: z.array(UserId), closesAt: Millis.nullable() }),
});

/** The warning was sent that a conversation will close. `messageId` is null when the message was refused. */
export const ConversationWarned = defineEvent({
  name: "conversation.conversation.warned",
  version: 1,
  producer: "conversation",
  payload: About.extend({ messageId: MessageId.nullable(), closesAt: Millis }),
});

/** Nobody writes into it any more. `at` is the moment from which on nothing was taken. */
export const ConversationClosed = defineEvent({
  name: "conversation.conversation.closed",
  version: 1,
  producer: "conversation",
  payload: About.extend({ participants: z.array(UserId), deletesAt: Millis.nullable() }),
});
