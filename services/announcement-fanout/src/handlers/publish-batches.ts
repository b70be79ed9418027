import { BatchStored } from "@strata/contracts";
import type { Cause, Publisher } from "@strata/messaging";
import type { Batch } from "../domain/batch.ts";
import { batchStored } from "../domain/events.ts";
import type { Header } from "../domain/header.ts";

/** Says that batches are in their recipients' inboxes; resolves once all of it is confirmed. */
export async function publishBatches(
  broker: Publisher,
  header: Header,
  stored: readonly Batch[],
  cause?: Cause,
): Promise<void> {
  const options = cause ? { cause } : {};
  await Promise.all(stored.map((batch) => broker.emit(BatchStored, header.app, batchStored(header, batch), options)));
}
