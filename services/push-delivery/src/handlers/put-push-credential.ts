import { type EmptyReply, type PayloadOf, PushCredential, type PutPushCredential } from "@strata/contracts";
import { ack, type Handler, refuse } from "@strata/messaging";
import { DomainError, unseal } from "@strata/runtime";
import { CREDENTIALS_KNOWN_MS, type PushProviders } from "../push-providers.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { CredentialStore } from "../store/credential-store.ts";

interface Deps {
  readonly credentials: CredentialStore;
  readonly chunks: Pick<ChunkStore, "unpark">;
  readonly providers: Pick<PushProviders, "forget">;
  readonly key: Buffer;
}

/** Stores a credential as it was sealed, and lets the pushes go on that were waiting for it. */
export const putPushCredential =
  ({ credentials, chunks, providers, key }: Deps): Handler<PayloadOf<typeof PutPushCredential>, EmptyReply> =>
  async ({ app, id, sentAt, payload }) => {
    const { credentialId, kind, sealed } = payload;
    if (!isReadable(key, kind, sealed)) return refuse(new DomainError("invalid_property", { property: "sealed" }));
    await credentials.put({ app, credentialId, kind, sealed, putAt: sentAt.getTime(), by: id });
    providers.forget(app);
    await chunks.unpark(app, CREDENTIALS_KNOWN_MS);
    return ack;
  };

/** What cannot be opened here (sealed with another key) would only be found out at the next push. */
function isReadable(key: Buffer, kind: PushCredential["kind"], sealed: string): boolean {
  try {
    return PushCredential.parse(JSON.parse(unseal(key, sealed))).kind === kind;
  } catch {
    return false;
  }
}
