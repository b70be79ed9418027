import type { EmptyReply, PayloadOf, StoreRecipients } from "@strata/contracts";
import { ack, type Handler } from "@strata/messaging";
import type { ChunkStore } from "../store/chunk-store.ts";

/** Keeps a part of a long list until it is started. Chunks have fixed ids, so a repeat stores nothing twice. */
export const storeRecipients =
  ({ chunks }: { readonly chunks: ChunkStore }): Handler<PayloadOf<typeof StoreRecipients>, EmptyReply> =>
  async ({ app, payload }) => {
    await chunks.insertNew(app, payload.announcementId, payload.chunks);
    return ack;
  };
