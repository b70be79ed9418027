import type { GetPushCounts, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { ChunkStore, PushReasons } from "../store/chunk-store.ts";

type Ledger = Pick<ChunkStore, "counts" | "reasons">;

/** What became of an announcement's pushes. */
export const getPushCounts =
  ({ chunks }: { readonly chunks: Ledger }): Handler<PayloadOf<typeof GetPushCounts>, ReplyOf<typeof GetPushCounts>> =>
  async ({ app, payload: { announcementId } }) =>
    reply(await countsOf(chunks, app, announcementId));

/** Summed over the ledger's rows each time; nothing is counted beside them. */
export async function countsOf(chunks: Ledger, app: string, subject: string) {
  const { accepted, failed, skipped, expired, unsettled, ios, android, web } = await chunks.counts(app, subject);
  const reasons = failed + skipped === 0 ? NONE : await chunks.reasons(app, subject);
  const settled = { pushed: accepted, failed, skipped, expired };
  return { ...settled, waiting: unsettled, pushedByPlatform: { ios, android, web }, ...reasons };
}

const NO_PLATFORM = { ios: 0, android: 0, web: 0 };
const NONE: PushReasons = {
  failedByReason: {},
  skippedByPolicy: {},
  failedByPlatform: NO_PLATFORM,
  skippedByPlatform: NO_PLATFORM,
};
