import type { Standing } from "@strata/contracts";

/** What a membership says of what its user may see. */
export interface Membership {
  /** The newest position when she left; null while she is a participant. */
  readonly leftAt: number | null;
  /** She deleted everything up to here from her view. */
  readonly clearedThrough: number;
}

/** Of a user, by her membership; without one she never was in the conversation. */
export function standingOf(membership: Pick<Membership, "leftAt"> | null | undefined): Standing {
  if (!membership) return "stranger";
  return membership.leftAt === null ? "participant" : "left";
}

/** The part of a conversation that somebody sees: positions above `after`, and up to `through` where that is a number. */
export interface View {
  readonly conversation: string;
  /** Who must not be among those from whom a message is hidden; null sees all. */
  readonly viewer: string | null;
  readonly after: number;
  readonly through: number | null;
}

/** The backend's view, or a user's. */
export const viewOf = (conversation: string, viewer: string | null, membership: Membership | null): View => ({
  conversation,
  viewer,
  after: membership?.clearedThrough ?? 0,
  through: membership?.leftAt ?? null,
});

interface Placed {
  readonly position: number;
  readonly hiddenFor: readonly string[];
  readonly deletedAt?: number | undefined;
}

export const sees = ({ viewer, after, through }: View, message: Placed): boolean =>
  message.deletedAt === undefined &&
  message.position > after &&
  (through === null || message.position <= through) &&
  (viewer === null || !message.hiddenFor.includes(viewer));

/**
 * How many messages a view has: positions are dense, so it is their number without the deleted and the hidden ones among
 * them (which never overlap: what is deleted for everybody is hidden from nobody any more).
 */
export const totalOf = (
  { after, through }: View,
  counted: { readonly lastPosition: number; readonly deleted: number; readonly hidden: number },
): number => Math.max(0, (through ?? counted.lastPosition) - after - counted.deleted - counted.hidden);
