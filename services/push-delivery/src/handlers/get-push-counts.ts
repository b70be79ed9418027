import type { GetPushCounts, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { ChunkStore, PushReasons } from "../store/chunk-store.ts";

/** Summed over the ledger's rows each time; nothing is counted beside them. */
export const getPushCounts =
  ({
    chunks,
  }: {
    readonly chunks: Pick<ChunkStore, "counts" | "reasons">;
  }): Handler<PayloadOf<typeof GetPushCounts>, ReplyOf<typeof GetPushCounts>> =>
  async ({ app, payload: { announcementId } }) => {
    const { accepted, failed, skipped, expired, ios, android, web } = await chunks.counts(app, announcementId);
    const reasons = failed + skipped === 0 ? NONE : await chunks.reasons(app, announcementId);
    return reply({
      pushed: accepted,
      failed,
      skipped,
      expired,
      pushedByPlatform: { ios, android, web },
      ...reasons,
    });
  };

const NO_PLATFORM = { ios: 0, android: 0, web: 0 };
const NONE: PushReasons = {
  failedByReason: {},
  skippedByPolicy: {},
  failedByPlatform: NO_PLATFORM,
  skippedByPlatform: NO_PLATFORM,
};
