import type { Actor, AuditEntry } from "@strata/contracts";
import type { Delivery } from "@strata/messaging";

/**
 * The entry of an act, by the command that asked for it: the same one each time that comes, under the same id and of the same
 * moment, so that a redelivery adds nothing.
 */
export function entryOf(
  { id, sentAt, payload }: Delivery<{ readonly actor?: Actor | undefined }>,
  act: Pick<AuditEntry, "accountId" | "appId" | "action" | "subject" | "before" | "after">,
): AuditEntry {
  const { actor } = payload;
  if (actor === undefined) return { ...act, entryId: id, at: sentAt.getTime(), actor: null };
  const { scopes: _scopes, expiresAt: _expiresAt, ...who } = actor;
  return { ...act, entryId: id, at: sentAt.getTime(), actor: who };
}
