import { type Actor, AuditEntry, RecordAct } from "@strata/contracts";
import type { Delivery } from "./delivery.ts";
import type { Publisher } from "./publisher.ts";

/**
 * Has the directory write an administrative act down (guarantee 2: told durably before the act's command is acknowledged),
 * under the id of that command, so that telling it again adds nothing.
 */
export async function recordAct(
  publisher: Pick<Publisher, "send">,
  delivery: Delivery<{ readonly actor?: Actor | undefined }>,
  act: Pick<AuditEntry, "action" | "subject" | "before" | "after">,
): Promise<void> {
  const { id, app, sentAt, payload } = delivery;
  // What she might do is nothing of the log's.
  const actor = AuditEntry.shape.actor.parse(payload.actor ?? null);
  await publisher.send(
    RecordAct,
    app,
    { ...act, entryId: id, at: sentAt.getTime(), actor },
    { id: `${id}.act`, cause: delivery },
  );
}
