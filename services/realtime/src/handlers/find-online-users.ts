import type { FindOnlineUsers, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { PresenceStore } from "../store/presence-store.ts";

/** Who has a socket, at any replica: what all of them have written down. While Redis is away that is nobody. */
export const findOnlineUsers =
  ({ presence }: { readonly presence: Pick<PresenceStore, "online"> }) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof FindOnlineUsers>>): Promise<Outcome<ReplyOf<typeof FindOnlineUsers>>> =>
    reply({ online: [...(await presence.online(app, payload.userIds).catch(() => []))] });
