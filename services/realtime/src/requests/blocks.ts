import { FindBlockers } from "@strata/contracts";
import type { Calls } from "@strata/doors";

/** Of one check, and checks of one question. */
const MAX_TOGETHER = 1_000;

const slicesOf = (userIds: readonly string[]): readonly string[][] =>
  Array.from({ length: Math.ceil(userIds.length / MAX_TOGETHER) }, (_, n) =>
    userIds.slice(n * MAX_TOGETHER, (n + 1) * MAX_TOGETHER),
  );

/** Which of these users block one. */
export async function blockersAmong(
  calls: Calls,
  userId: string,
  others: readonly string[],
): Promise<ReadonlySet<string>> {
  if (others.length === 0) return new Set();
  const checks = slicesOf(others).map((userIds) => ({ senderId: userId, userIds }));
  return new Set((await calls.ask(FindBlockers, { checks })).blockers.flat());
}

/** Which of these users one blocks. */
export async function blockedAmong(
  calls: Calls,
  userId: string,
  others: readonly string[],
): Promise<ReadonlySet<string>> {
  const blocked = new Set<string>();
  for (const some of slicesOf(others)) {
    const checks = some.map((senderId) => ({ senderId, userIds: [userId] }));
    const { blockers } = await calls.ask(FindBlockers, { checks });
    for (const [index, senderId] of some.entries()) if (blockers[index]?.length) blocked.add(senderId);
  }
  return blocked;
}
