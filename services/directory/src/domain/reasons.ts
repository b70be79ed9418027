/**
 * Why something holds for a user, a suspension or a block: because those whom it is up to said so (`OWN`), or because of a
 * decision of the app's moderation, by its id. It holds as long as one reason is left.
 */
export type Reasons = readonly string[];

export const OWN = "own";

/** Null: they themselves, whose word is above every decision's, so that to lift it lifts all of it. */
export type Reason = string | null;

export const withReason = (before: Reasons, reason: Reason): Reasons => [...new Set([...before, reason ?? OWN])];

export const withoutReason = (before: Reasons, reason: Reason): Reasons =>
  reason === null ? [] : before.filter((one) => one !== reason);
