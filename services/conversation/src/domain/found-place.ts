import type { FoundMessagePlace } from "@strata/contracts";

/** Newest first; of those of one moment the highest position first, as in their conversation, then by id. */
export const comparePlaces = (a: FoundMessagePlace, b: FoundMessagePlace): number =>
  b.at - a.at || b.position - a.position || (a.messageId < b.messageId ? -1 : a.messageId === b.messageId ? 0 : 1);
