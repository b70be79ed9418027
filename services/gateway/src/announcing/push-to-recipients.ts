import { setImmediate as nextTurn } from "node:timers/promises";
import { AcceptNotification, PUSHED_PER_COMMAND, PushNotification } from "@strata/contracts";
import { digestWithLists, type Intent, type Calls } from "@strata/doors";
import type { NotificationRequest } from "@strata/layer-protocol";
import { collectInSlices } from "@strata/runtime";
import { groupsOf } from "../domain/recipient-chunks.ts";

/**
 * Hands a push without a message over to push-delivery: first what it says, then its recipients in groups, each confirmed
 * in its queue. It is durable when this answers. Whatever fails in between leaves what it says, with which a repeat of the
 * same request goes on.
 * @throws LayerError 409 `id_in_use`; 422 `invalid_operation` for an Idempotency-Key of another body; 503
 */
export async function pushToRecipients(
  calls: Calls,
  intent: Intent,
  { recipients, ...said }: NotificationRequest,
): Promise<void> {
  const groups = await collectInSlices(groupsOf(recipients, PUSHED_PER_COMMAND));
  const digest = digestWithLists(said, groups);
  const { id: notificationId } = intent;
  const { outcome, isPlanned } = await calls.request(
    AcceptNotification,
    { ...said, notificationId, digest, recipientCount: recipients.length, groups: groups.length },
    { id: intent.commandId(digest) },
  );
  if (outcome === "in-use") throw intent.inUse(null);
  if (isPlanned) return;
  const sendings: Promise<void>[] = [];
  for (const [group, members] of groups.entries()) {
    const sending = calls.send(PushNotification, { notificationId, group, recipients: [...members] });
    // Awaited below; one that fails before that must not count as unhandled.
    sending.catch(() => undefined);
    sendings.push(sending);
    await nextTurn();
  }
  await Promise.all(sendings);
}
