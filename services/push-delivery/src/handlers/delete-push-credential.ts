import type { DeletePushCredential, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { CREDENTIALS_KNOWN_MS, type PushProviders } from "../push-providers.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { CredentialStore } from "../store/credential-store.ts";

interface Deps {
  readonly credentials: CredentialStore;
  readonly chunks: Pick<ChunkStore, "unpark">;
  readonly providers: Pick<PushProviders, "forget">;
}

/** Removes a credential. What waits for it is tried once no process uses it any more: through another, or it fails. */
export const deletePushCredential =
  ({
    credentials,
    chunks,
    providers,
  }: Deps): Handler<PayloadOf<typeof DeletePushCredential>, ReplyOf<typeof DeletePushCredential>> =>
  async ({ app, id, sentAt, payload: { credentialId } }) => {
    const isKnown = await credentials.remove({ app, credentialId, putAt: sentAt.getTime(), by: id });
    providers.forget(app);
    await chunks.unpark(app, CREDENTIALS_KNOWN_MS);
    return reply({ isKnown });
  };
