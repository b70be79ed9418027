import type { GetPushCounts, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { ChunkStore } from "../store/chunk-store.ts";

/** Summed over the ledger's rows each time; nothing is counted beside them. */
export const getPushCounts =
  ({
    chunks,
  }: {
    readonly chunks: Pick<ChunkStore, "counts">;
  }): Handler<PayloadOf<typeof GetPushCounts>, ReplyOf<typeof GetPushCounts>> =>
  async ({ app, payload }) => {
    const { accepted, failed } = await chunks.counts(app, payload.announcementId);
    return reply({ pushed: accepted, failed });
  };
