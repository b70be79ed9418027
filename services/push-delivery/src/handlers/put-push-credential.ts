import type { EmptyReply, PayloadOf, PushCredential, PutPushCredential } from "@strata/contracts";
import { ack, type Handler, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { CredentialCheck } from "../credential-check.ts";
import type { CheckResult } from "../domain/credential-check.ts";
import { factsOf } from "../domain/credential-facts.ts";
import { unusedSince } from "../domain/credential-health.ts";
import { CREDENTIALS_KNOWN_MS, type PushProviders } from "../push-providers.ts";
import { recordCredentialAct } from "../record-credential-act.ts";
import { type CredentialKeys, openSealed, sealedAnew } from "../sealed-credential.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import { type CredentialStore, MAX_CREDENTIALS } from "../store/credential-store.ts";

interface Deps {
  readonly credentials: CredentialStore;
  readonly chunks: Pick<ChunkStore, "unpark">;
  readonly providers: Pick<PushProviders, "forget">;
  readonly keys: CredentialKeys;
  readonly check: CredentialCheck;
  readonly publisher: Pick<Publisher, "send">;
}

/**
 * Stores a credential that its provider takes, sealed, and lets the pushes go on that were waiting for it. Refused, it
 * leaves what was there in force. A repeat asks nothing again.
 */
export const putPushCredential =
  (deps: Deps): Handler<PayloadOf<typeof PutPushCredential>, EmptyReply> =>
  async (delivery) => {
    const { app, id, sentAt, payload } = delivery;
    const { credentials, chunks, providers } = deps;
    const { credentialId, kind, expiresAt = null } = payload;
    const credential = readable(deps.keys, kind, payload.sealed);
    if (credential === null) return refuse(new DomainError("invalid_property", { property: "sealed" }));
    const putAt = sentAt.getTime();
    const facts = factsOf(credential);
    const existing = await credentials.find(app, credentialId);
    if (existing?.by !== id) {
      if (existing === null && (await credentials.ofApp(app)).length >= MAX_CREDENTIALS) return refuse(tooMany());
      const checked = payload.check === false ? null : await deps.check.check(credential);
      if (checked && checked.kind !== "proved") return refuse(errorOf(kind, checked));
      const at = Date.now();
      const health = checked
        ? { state: "ok" as const, reason: null, retryAt: null, at, since: at }
        : unusedSince(putAt);
      const sealed = sealedAnew(deps.keys, payload.sealed, credential);
      await credentials.put({ app, credentialId, kind, sealed, putAt, by: id, expiresAt, facts, health });
    }
    const change = await credentials.changeBy({ app, credentialId, by: id });
    if (change) {
      const act = { action: "push_credential.set", credentialId, before: change.before } as const;
      await recordCredentialAct(deps.publisher, delivery, { ...act, after: { kind, facts, expiresAt } });
    }
    providers.forget(app);
    await chunks.unpark(app, CREDENTIALS_KNOWN_MS);
    return ack;
  };

/** What cannot be opened here (sealed with another key) would only be found out at the next push. */
function readable(keys: CredentialKeys, kind: PushCredential["kind"], sealed: string): PushCredential | null {
  try {
    const credential = openSealed(keys, sealed);
    return credential.kind === kind ? credential : null;
  } catch {
    return null;
  }
}

const PROVIDERS: Readonly<Record<PushCredential["kind"], string>> = { fcm: "FCM", apns: "APNs", webpush: "web push" };

function errorOf(kind: PushCredential["kind"], result: Exclude<CheckResult, { kind: "proved" }>): DomainError {
  const { reason } = result;
  if (result.kind === "refused") {
    const { property } = result;
    const message = `${PROVIDERS[kind]} refuses it: ${reason}`;
    return new DomainError("invalid_property", { property, reason }, { message });
  }
  const message = `${PROVIDERS[kind]} could not be asked about it: ${reason}`;
  return new DomainError("service_unavailable", { dependency: "provider", retryAfterMs: 5_000 }, { message });
}

const tooMany = (): DomainError =>
  new DomainError(
    "invalid_property",
    { property: "push_credential_id" },
    { message: `An app has at most ${MAX_CREDENTIALS}` },
  );
