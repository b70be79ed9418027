import { z } from "zod";
import { Millis, MessagePart, Notification, Sender } from "./values.ts";

/** What a conversation does by itself, in this order. */
export const ConversationStep = z.enum(["open", "warn", "close", "delete"]);
export type ConversationStep = z.infer<typeof ConversationStep>;

/** `scheduled`: nobody but the backend sees it. `closed`: everybody sees it as before, and nobody writes into it. */
export const LifecycleState = z.enum(["scheduled", "open", "closed"]);
export type LifecycleState = z.infer<typeof LifecycleState>;

/** `at`: when it is due, or when it was done. `canceled`: it would have been due then. */
export const PlannedStep = z.object({
  step: ConversationStep,
  state: z.enum(["pending", "done", "canceled"]),
  at: Millis,
});
export type PlannedStep = z.infer<typeof PlannedStep>;

/** Where a conversation stands, with its steps in their order; what was never asked for is absent. */
export const ConversationLifecycle = z.object({ state: LifecycleState, steps: z.array(PlannedStep) });
export type ConversationLifecycle = z.infer<typeof ConversationLifecycle>;

/** What who joins later sees of what was said before. */
export const VisibleHistory = z.enum(["all", "from-joining"]);
export type VisibleHistory = z.infer<typeof VisibleHistory>;

/** As many as a batch of messages has. */
export const MAX_ICE_BREAKERS = 12;

/** A message that the conversation sends by itself: inline parts, by whomever the backend names. */
export const SystemMessage = z.object({
  sender: Sender,
  parts: z.array(MessagePart).min(1),
  notification: Notification.nullable(),
});
export type SystemMessage = z.infer<typeof SystemMessage>;

const IceBreaker = z.array(SystemMessage).max(MAX_ICE_BREAKERS);

/** When it closes: at a moment, or so long after it opens. */
const Closing = z.union([z.object({ expiresAt: Millis }), z.object({ ttlMs: z.number().int().positive() })]);
export type Closing = z.infer<typeof Closing>;

export const ConversationWarning = z.object({ beforeMs: z.number().int().positive(), message: SystemMessage });
export type ConversationWarning = z.infer<typeof ConversationWarning>;

/** From the closing to the deletion. */
const Grace = z.number().int().nonnegative();

export const ConversationTerms = z.object({
  /** null: at once. */
  opensAt: Millis.nullable(),
  /** Sent as it opens, in this order. */
  iceBreaker: IceBreaker,
  /** null: never; `graceMs` and `warning` then mean nothing. */
  closing: Closing.nullable(),
  graceMs: Grace,
  warning: ConversationWarning.nullable(),
  visibleHistory: VisibleHistory,
});
export type ConversationTerms = z.infer<typeof ConversationTerms>;

/** What is absent stays; null takes away: no more waiting, no closing, no warning. */
export const ScheduleChange = z.object({
  opensAt: Millis.nullable().optional(),
  iceBreaker: IceBreaker.optional(),
  closing: Closing.nullable().optional(),
  graceMs: Grace.optional(),
  warning: ConversationWarning.nullable().optional(),
});
export type ScheduleChange = z.infer<typeof ScheduleChange>;
