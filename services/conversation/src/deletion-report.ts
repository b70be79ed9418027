import { type Cause, type Deleted, deletionReport, type Publisher } from "@strata/messaging";
import type { BanStore } from "./store/ban-store.ts";
import type { MembershipStore } from "./store/membership-store.ts";

interface Deps {
  readonly memberships: Pick<MembershipStore, "hasFromBefore">;
  readonly bans: Pick<BanStore, "hasFromBefore">;
  readonly publisher: Publisher;
}

/**
 * Tells that all is gone, where it is. To be asked after each piece of the work: whoever did the last of it finds nothing
 * left, and of two that were the last at the same time one does, or both, which says the same.
 */
export async function reportIfDone(
  { memberships, bans, publisher }: Deps,
  deleted: Deleted,
  cause: Cause,
): Promise<void> {
  const { app, userId, at } = deleted;
  const isLeft = await Promise.all([memberships.hasFromBefore(app, userId, at), bans.hasFromBefore(app, userId, at)]);
  if (!isLeft.includes(true)) await deletionReport(publisher, "conversation", deleted, cause).done();
}
