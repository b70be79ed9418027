import type { BatchStored, PayloadOf } from "@strata/contracts";
import { ack, type GroupHandler } from "@strata/messaging";
import { hourOf } from "../domain/cohort.ts";
import { insightKey } from "../domain/insight-key.ts";
import { countKey } from "../domain/receipt-key.ts";
import type { InsightStore } from "../store/insight-store.ts";
import type { SentStore } from "../store/sent-store.ts";
import type { TimelineStore } from "../store/timeline-store.ts";
import type { UnreadStore } from "../store/unread-store.ts";
import { countBatches } from "./follow-unread.ts";

type Payload = PayloadOf<typeof BatchStored>;

interface Deps {
  readonly sent: SentStore;
  readonly timelines: Pick<TimelineStore, "markDirtyWhereKept">;
  readonly insights: Pick<InsightStore, "markDirty">;
}

/** Notes who got what when. One that is told of again changes nothing. */
export const recordSent =
  ({ sent, timelines, insights }: Deps): GroupHandler<Payload, never> =>
  async (deliveries) => {
    const batches = deliveries.map(({ app, payload: { batchId, at, category = null, recipients } }) => ({
      batchId,
      app,
      at,
      category,
      recipients,
    }));
    await sent.record(batches);
    // A receipt may have been faster than this event: what was derived without it is derived again.
    const parts = deliveries.map(({ app, payload: { announcementId, partition } }) =>
      countKey({ app, announcementId, partition }),
    );
    await timelines.markDirtyWhereKept([...new Set(parts)]);
    const buckets = batches.map(({ app, at, category }) =>
      insightKey({ kind: "hour", app, slot: hourOf(at), category }),
    );
    await insights.markDirty([...new Set(buckets)]);
    return deliveries.map(() => ack);
  };

/** All that follows from a batch: one queue takes its event, since a service has one handler for each. */
export const followBatches = (deps: Deps & { readonly unread: UnreadStore }): GroupHandler<Payload, never> => {
  const [note, count] = [recordSent(deps), countBatches(deps)];
  return async (deliveries) => {
    await note(deliveries);
    return count(deliveries);
  };
};
