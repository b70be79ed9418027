import type { ListPushCredentials, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { healthAt, unusedSince } from "../domain/credential-health.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { CredentialStore, StoredCredential } from "../store/credential-store.ts";

interface Deps {
  readonly credentials: CredentialStore;
  readonly chunks: Pick<ChunkStore, "waitingByCredential">;
}

type Reply = ReplyOf<typeof ListPushCredentials>;

/** An app's credentials, or one of them, with what all processes know of each. Nothing sealed is opened for it. */
export const listPushCredentials =
  ({ credentials, chunks }: Deps): Handler<PayloadOf<typeof ListPushCredentials>, Reply> =>
  async ({ app, payload: { credentialId } }) => {
    const one = credentialId === null ? null : await credentials.find(app, credentialId);
    const rows = credentialId === null ? await credentials.ofApp(app) : one ? [one] : [];
    const waiting = rows.length === 0 ? new Map<string, number>() : await chunks.waitingByCredential(app);
    return reply({ credentials: rows.map((row) => infoOf(row, waiting.get(row.credentialId) ?? 0)) });
  };

function infoOf(row: StoredCredential, waitingPushes: number): Reply["credentials"][number] {
  const { credentialId, kind, facts, putAt, createdAt = putAt, expiresAt } = row;
  const { state, reason, retryAt, since } = healthAt(row.health ?? unusedSince(putAt), Date.now());
  return {
    credentialId,
    kind,
    facts,
    createdAt,
    changedAt: putAt,
    expiresAt,
    state,
    since,
    reason,
    retryAt,
    waitingPushes,
  };
}
