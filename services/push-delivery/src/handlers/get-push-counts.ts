import type { GetPushCounts, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { ChunkStore } from "../store/chunk-store.ts";

/** Summed over the ledger's rows each time; nothing is counted beside them. */
export const getPushCounts =
  ({
    chunks,
  }: {
    readonly chunks: Pick<ChunkStore, "counts" | "failedByReason">;
  }): Handler<PayloadOf<typeof GetPushCounts>, ReplyOf<typeof GetPushCounts>> =>
  async ({ app, payload: { announcementId } }) => {
    const { accepted, failed, ios, android, web } = await chunks.counts(app, announcementId);
    const failedByReason = failed === 0 ? {} : await chunks.failedByReason(app, announcementId);
    return reply({ pushed: accepted, failed, pushedByPlatform: { ios, android, web }, failedByReason });
  };
