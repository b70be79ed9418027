import type { BlocksChange } from "@strata/contracts";

/** A user's list after these changes, the first blocked first. Blocking twice keeps the first place. */
export function blocksAfter(blocked: readonly string[], changes: readonly BlocksChange[]): readonly string[] {
  let list = new Set(blocked);
  for (const change of changes) {
    switch (change.kind) {
      case "block":
        list.add(change.userId);
        break;
      case "unblock":
        list.delete(change.userId);
        break;
      case "set":
        list = new Set(change.userIds);
        break;
      default:
        change satisfies never;
    }
  }
  return [...list];
}

export const areSameBlocks = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((userId, index) => userId === other[index]);

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
