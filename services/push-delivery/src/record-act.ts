import { type Actor, AuditEntry, type CredentialFacts, RecordAct } from "@strata/contracts";
import type { Delivery, Publisher } from "@strata/messaging";

/** What may be said of a credential that was set or removed. Facts that its kind has not are left out. */
export interface KnownCredential {
  readonly kind: string;
  readonly facts: CredentialFacts | null;
  readonly expiresAt: number | null;
}

interface CredentialAct {
  readonly action: "push_credential.set" | "push_credential.removed";
  readonly credentialId: string;
  readonly before: KnownCredential | null;
  readonly after: KnownCredential | null;
}

/**
 * Has the directory write an administrative act down (guarantee 2: told durably before the act's command is acknowledged),
 * under the id of that command, so that telling it again adds nothing.
 */
export async function recordAct(
  publisher: Pick<Publisher, "send">,
  delivery: Delivery<{ readonly actor?: Actor | undefined }>,
  { action, credentialId, before, after }: CredentialAct,
): Promise<void> {
  const { id, app, sentAt, payload } = delivery;
  const entry = {
    entryId: id,
    at: sentAt.getTime(),
    action,
    subject: { kind: "push_credential", id: credentialId },
    // What she might do is nothing of the log's.
    actor: AuditEntry.shape.actor.parse(payload.actor ?? null),
    before: before && said(before),
    after: after && said(after),
  };
  await publisher.send(RecordAct, app, entry, { id: `${id}.act`, cause: delivery });
}

const said = ({ kind, facts, expiresAt }: KnownCredential): Record<string, unknown> => ({
  kind,
  ...Object.fromEntries(Object.entries(facts ?? {}).filter(([, value]) => value !== null)),
  expiresAt,
});
