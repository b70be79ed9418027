import type { DeletePushCredential, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, type Publisher, reply } from "@strata/messaging";
import { CREDENTIALS_KNOWN_MS, type PushProviders } from "../push-providers.ts";
import { recordCredentialAct } from "../record-credential-act.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { CredentialStore } from "../store/credential-store.ts";

interface Deps {
  readonly credentials: CredentialStore;
  readonly chunks: Pick<ChunkStore, "unpark">;
  readonly providers: Pick<PushProviders, "forget">;
  readonly publisher: Pick<Publisher, "send">;
}

/** Removes a credential. What waits for it is tried once no process uses it any more: through another, or it fails. */
export const deletePushCredential =
  ({
    credentials,
    chunks,
    providers,
    publisher,
  }: Deps): Handler<PayloadOf<typeof DeletePushCredential>, ReplyOf<typeof DeletePushCredential>> =>
  async (delivery) => {
    const { app, id, sentAt, payload } = delivery;
    const { credentialId } = payload;
    const isKnown = await credentials.remove({ app, credentialId, putAt: sentAt.getTime(), by: id });
    const change = await credentials.changeBy({ app, credentialId, by: id });
    if (change?.before) {
      const act = { action: "push_credential.removed", credentialId, before: change.before } as const;
      await recordCredentialAct(publisher, delivery, { ...act, after: null });
    }
    providers.forget(app);
    await chunks.unpark(app, CREDENTIALS_KNOWN_MS);
    return reply({ isKnown });
  };
