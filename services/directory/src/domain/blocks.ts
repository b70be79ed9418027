import { isDeepStrictEqual } from "node:util";
import type { BlocksChange } from "@strata/contracts";
import { OWN, type Reason, type Reasons, withoutReason, withReason } from "./reasons.ts";

/** Whom a user blocks. */
export interface BlockedUsers {
  /** The first blocked first. */
  readonly blocked: readonly string[];
  /** Why, of those whom decisions of the app's moderation put there; the others are there because she wants it. */
  readonly reasons: readonly BlockReasons[];
}

interface BlockReasons {
  readonly userId: string;
  readonly by: Reasons;
}

/**
 * A user's list after these changes for a reason, the first blocked first. Blocking twice keeps the first place, and who is
 * named in a list that is set is blocked because she wants it.
 */
export function blocksAfter(
  before: BlockedUsers,
  changes: readonly BlocksChange[],
  reason: Reason = null,
): BlockedUsers {
  const known = new Map(before.reasons.map(({ userId, by }) => [userId, by]));
  let list = new Map<string, Reasons>(before.blocked.map((userId) => [userId, known.get(userId) ?? [OWN]]));
  for (const change of changes) {
    switch (change.kind) {
      case "block":
        list.set(change.userId, withReason(list.get(change.userId) ?? [], reason));
        break;
      case "unblock": {
        const left = withoutReason(list.get(change.userId) ?? [], reason);
        if (left.length === 0) list.delete(change.userId);
        else list.set(change.userId, left);
        break;
      }
      case "set": {
        const earlier = list;
        list = new Map(change.userIds.map((userId) => [userId, withReason(earlier.get(userId) ?? [], reason)]));
        break;
      }
      default:
        change satisfies never;
    }
  }
  const reasons = [...list].filter(([, by]) => by.some((one) => one !== OWN));
  return { blocked: [...list.keys()], reasons: reasons.map(([userId, by]) => ({ userId, by })) };
}

export const areSameBlocks = (one: BlockedUsers, other: BlockedUsers): boolean =>
  isDeepStrictEqual([one.blocked, one.reasons], [other.blocked, other.reasons]);

/** A question of FindBlockers. */
export interface BlockCheck {
  readonly senderId: string;
  readonly userIds: readonly string[];
}

export interface Block {
  readonly owner: string;
  readonly blocked: string;
}

/** The answers, in the order of the questions. Who blocks herself gets her own messages all the same. */
export function blockersOf(checks: readonly BlockCheck[], blocks: readonly Block[]): string[][] {
  const owners = new Map<string, Set<string>>();
  for (const { owner, blocked } of blocks) {
    const known = owners.get(blocked) ?? new Set();
    owners.set(blocked, known.add(owner));
  }
  return checks.map(({ senderId, userIds }) => {
    const blockers = owners.get(senderId);
    return blockers ? userIds.filter((userId) => userId !== senderId && blockers.has(userId)) : [];
  });
}
