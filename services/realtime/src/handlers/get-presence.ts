import type { GetPresence, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { PresenceStore } from "../store/presence-store.ts";

/** What a user shows herself as, as she sees it. Fails while Redis is away: nobody knows then. */
export const getPresence =
  ({ presence }: { readonly presence: Pick<PresenceStore, "of"> }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetPresence>>): Promise<Outcome<ReplyOf<typeof GetPresence>>> => {
    const [{ status, lastSeenAt } = { status: "offline" as const, lastSeenAt: null }] = await presence.of(app, [
      payload.userId,
    ]);
    return reply({ status, lastSeenAt });
  };
