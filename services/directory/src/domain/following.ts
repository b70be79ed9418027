/** Whether one user follows another, and why: she does if she began to later than she last stopped. */
export interface Following {
  readonly user: string;
  readonly followed: string;
}

/** One step of her own: from then on she follows, or does not. */
export interface FollowingStep extends Following {
  readonly kind: "follow" | "unfollow";
}

/** User ids may hold slashes, so the first is written so that it does not: else two pairs could have one key. */
export const followingKey = (app: string, { user, followed }: Following): string =>
  `${app}/${encodeURIComponent(user)}/${followed}`;

/** Who came into a conversation, and everybody who is in it now. */
interface Meeting {
  readonly newcomers: readonly string[];
  readonly participants: readonly string[];
}

/**
 * Everybody who comes to follow somebody by sharing a conversation: a newcomer and each of the others, both ways. One
 * after the other, because in a large conversation they are a million.
 */
export function* acquaintancesOf({ newcomers, participants }: Meeting): Generator<Following> {
  const seen = new Set<string>();
  for (const newcomer of new Set(newcomers)) {
    seen.add(newcomer);
    for (const other of new Set(participants)) {
      // Two newcomers meet once.
      if (seen.has(other)) continue;
      yield { user: newcomer, followed: other };
      yield { user: other, followed: newcomer };
    }
  }
}

/** Cuts a stream into pieces of at most `size`. */
export function* inPieces<T>(items: Iterable<T>, size: number): Generator<readonly T[]> {
  let piece: T[] = [];
  for (const item of items) {
    piece.push(item);
    if (piece.length < size) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}
