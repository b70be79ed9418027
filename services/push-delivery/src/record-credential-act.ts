import type { Actor, CredentialFacts } from "@strata/contracts";
import { type Delivery, type Publisher, recordAct } from "@strata/messaging";

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

/** Has it written down who set or removed a credential, with what tells credentials apart. */
export const recordCredentialAct = (
  publisher: Pick<Publisher, "send">,
  delivery: Delivery<{ readonly actor?: Actor | undefined }>,
  { action, credentialId, before, after }: CredentialAct,
): Promise<void> =>
  recordAct(publisher, delivery, {
    action,
    subject: { kind: "push_credential", id: credentialId },
    before: before && said(before),
    after: after && said(after),
  });

const said = ({ kind, facts, expiresAt }: KnownCredential): Record<string, unknown> => ({
  kind,
  ...Object.fromEntries(Object.entries(facts ?? {}).filter(([, value]) => value !== null)),
  expiresAt,
});
