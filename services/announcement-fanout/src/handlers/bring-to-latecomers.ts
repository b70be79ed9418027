import { FindUsersKnownBefore } from "@strata/contracts";
import { type Batch, latecomerId, RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import { announcementIdOf, cutoffOf, filterOf, type Header, isForEveryoneAtOnce } from "../domain/header.ts";
import type { LatecomerStore } from "../store/latecomer-store.ts";
import { announcedOf } from "./announced-of.ts";
import { atPace } from "./at-pace.ts";
import { publishBatches } from "./publish-batches.ts";
import { documentsOf } from "./take-audience-step.ts";
import type { FanOutDeps } from "./take-step.ts";

type Deps = FanOutDeps & { readonly latecomers: LatecomerStore };

/** How long one turn goes on, so that others' announcements get theirs. */
const TURN_MS = 2_000;

/**
 * Brings an announcement to those who became known since it was accepted and match, once all others have it: whom the walk
 * has met is a recipient by then. Answers when to look again; null: when something changes.
 */
export async function bringToLatecomers(deps: Deps, header: Header, leaseMs: number): Promise<number | null> {
  if (header.state === "distributing" || header.state === "paused" || header.state === "scheduled") return null;
  const { app, state, throttlePerMinute } = header;
  // What is in every inbox is so also of who came before it was canceled: she is only written down.
  if (state !== "distributed" && !(state === "canceled" && isForEveryoneAtOnce(header))) {
    await deps.latecomers.removeAll(app, announcementIdOf(header));
    return null;
  }
  if (throttlePerMinute !== null) {
    if ((await deps.latecomers.first(app, announcementIdOf(header), 1)).length === 0) return null;
    return atPace(
      deps,
      header,
      throttlePerMinute,
      leaseMs,
      async (limit) => void (await bringToSome(deps, header, limit)),
    );
  }
  for (const endsAt = Date.now() + TURN_MS; await bringToSome(deps, header, RECIPIENTS_PER_BATCH);) {
    if (Date.now() > endsAt) return Date.now();
  }
  return null;
}

/**
 * The next of one partition; answers whether there were any. Each gets a batch under an id of her own, so that whoever does
 * this again, or at the same time, writes nothing twice; who was written down by somebody before is told of again.
 */
async function bringToSome(deps: Deps, header: Header, limit: number): Promise<boolean> {
  const { app } = header;
  const announcementId = announcementIdOf(header);
  const latecomers = await deps.latecomers.first(app, announcementId, limit);
  const [one] = latecomers;
  if (!one) return false;
  const { partition } = one;
  const idOf = (userId: string): string => latecomerId(app, announcementId, partition, userId);
  const userIds = latecomers.map(({ userId }) => userId);
  const had = new Set(await deps.recipients.find(announcedOf(header), userIds));
  const asked = {
    userIds: userIds.filter((userId) => !had.has(userId)),
    before: cutoffOf(header),
    filter: filterOf(header),
  };
  const matching = asked.userIds.length === 0 ? [] : (await deps.broker.ask(FindUsersKnownBefore, app, asked)).userIds;
  const at = Date.now();
  const batches: readonly Batch[] = matching.map((userId) => ({
    _id: idOf(userId),
    app,
    partition,
    at,
    recipients: [userId],
  }));
  const documents = documentsOf(deps, header);
  await documents.insertNew(batches);
  await publishBatches(deps.broker, header, await documents.findMany(userIds.map(idOf)));
  const late = await documents.countLatecomers(app, announcementId, partition);
  if (late > 0) await deps.partitions.setLatecomers(app, announcementId, partition, late);
  await deps.latecomers.remove(latecomers);
  return true;
}
