import type { BatchStored, PayloadOf } from "@strata/contracts";
import { ack, type GroupHandler } from "@strata/messaging";
import type { SentStore } from "../store/sent-store.ts";
import type { UnreadStore } from "../store/unread-store.ts";
import { countBatch } from "./follow-unread.ts";

type Payload = PayloadOf<typeof BatchStored>;

interface Deps {
  readonly sent: SentStore;
}

/** Notes who got what when. One that is told of again changes nothing. */
export const recordSent =
  ({ sent }: Deps): GroupHandler<Payload, never> =>
  async (deliveries) => {
    await sent.record(
      deliveries.map(({ app, payload: { batchId, at, category = null, recipients } }) => ({
        batchId,
        app,
        at,
        category,
        recipients,
      })),
    );
    return deliveries.map(() => ack);
  };

/** Both that follow from a batch: one queue takes its event, since a service has one handler for each. */
export const followBatches = (deps: Deps & { readonly unread: UnreadStore }): GroupHandler<Payload, never> => {
  const [note, count] = [recordSent(deps), countBatch(deps)];
  return async (deliveries) => {
    await note(deliveries);
    return Promise.all(deliveries.map(count));
  };
};
