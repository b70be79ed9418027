import { type DeletionCounts, ReportDeletion } from "@strata/contracts";
import type { Cause, Publisher } from "@strata/messaging";
import type { BanStore } from "./store/ban-store.ts";
import type { MembershipStore } from "./store/membership-store.ts";

const STEP = "conversation" as const;

interface Deps {
  readonly memberships: Pick<MembershipStore, "hasFromBefore">;
  readonly bans: Pick<BanStore, "hasFromBefore">;
  readonly publisher: Publisher;
}

/** Which deletion. */
export interface Deleted {
  readonly app: string;
  readonly userId: string;
  readonly at: number;
}

/** Tells what is about to be removed of a deleted user, before it is: whoever begins again finds less, and takes nothing back. */
export const reportCounts = (
  { publisher }: Pick<Deps, "publisher">,
  { app, userId, at }: Deleted,
  counts: DeletionCounts,
  cause: Cause,
): Promise<void> =>
  publisher.send(
    ReportDeletion,
    app,
    { userId, at, step: STEP, counts, isDone: false },
    { id: `${cause.id}.counted`, cause },
  );

/**
 * Tells that all is gone, where it is. To be asked after each piece of the work: whoever did the last of it finds nothing
 * left, and of two that were the last at the same time one does, or both, which says the same.
 */
export async function reportIfDone(
  { memberships, bans, publisher }: Deps,
  { app, userId, at }: Deleted,
  cause: Cause,
): Promise<void> {
  const isLeft = await Promise.all([memberships.hasFromBefore(app, userId, at), bans.hasFromBefore(app, userId, at)]);
  if (isLeft.includes(true)) return;
  await publisher.send(
    ReportDeletion,
    app,
    { userId, at, step: STEP, counts: {}, isDone: true },
    { id: `${cause.id}.done`, cause },
  );
}
