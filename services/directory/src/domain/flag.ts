import { Flag, FLAG_REASONS, FlagReason, FlagState, type ModerationPolicy } from "@strata/contracts";
import { z } from "zod";
import { madeUuid } from "./made-uuid.ts";

/** A flag as stored, one for each flagger and subject. Withdrawn, it stays: what a person said of it holds when it comes back. */
export const FlagRow = Flag.omit({ state: true }).extend({
  /** `flagKey` */
  _id: z.string(),
  app: z.string(),
  state: z.enum([...FlagState.options, "withdrawn"]),
  /** Of a withdrawn one: what it was before. */
  stateBefore: FlagState.optional(),
  /** The command that made it, or made it anew. */
  madeBy: z.string(),
  /** The last command that changed it. */
  changedBy: z.string(),
});
export type FlagRow = z.infer<typeof FlagRow>;

export interface FlagSubject {
  readonly userId: string;
  readonly by: string;
  readonly messageId: string | null;
}

/** User ids may hold anything, so what they are joined by would not tell them apart. */
export const flagKey = (app: string, { userId, by, messageId }: FlagSubject): string =>
  `${app}/${madeUuid(JSON.stringify([userId, by, messageId]))}`;

/** null: it was withdrawn. */
export const flagOf = (row: FlagRow): Flag | null => (row.state === "withdrawn" ? null : Flag.parse(row));

/** The same, as it was before it was withdrawn. */
export const flagAsMade = (row: FlagRow): Flag => Flag.parse({ ...row, state: row.stateBefore ?? "open" });

const DEFAULT_REASONS: readonly string[] = FLAG_REASONS;

/** Whether an app knows a reason: those of every app, and those that its policy weighs. */
export const isKnownReason = (reason: string, { weights }: Pick<ModerationPolicy, "weights">): boolean =>
  DEFAULT_REASONS.includes(reason) || (FlagReason.safeParse(reason).success && Object.hasOwn(weights, reason));

export interface FlagWish {
  readonly reason: string;
  readonly comment: string | null;
  readonly at: number;
}

/**
 * What a flag becomes when its flagger flags the same again: the same with another reason; or, when it is from so long ago
 * that it counts no more, a new one. Whoever takes a flag back and makes it again has not had a person's word undone by it.
 * Null: it is as wished already.
 */
export function flaggedAgain(
  row: FlagRow,
  { reason, comment, at }: FlagWish,
  windowMs: number,
): Partial<FlagRow> | null {
  const wished = { reason, comment, changedAt: at };
  if (row.createdAt <= at - windowMs) return { ...wished, state: "open", createdAt: at };
  if (row.state === "withdrawn") return { ...wished, state: row.stateBefore ?? "open" };
  return row.reason === reason && row.comment === comment ? null : wished;
}
