import type { EmptyReply, PayloadOf, RecordTokenUses } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import type { TokenStore } from "../store/token-store.ts";

/** Keeps when tokens were last used. It only goes forward, so a report that is late or repeated changes nothing. */
export const recordTokenUses =
  ({ tokens }: { readonly tokens: TokenStore }) =>
  async ({ payload }: Delivery<PayloadOf<typeof RecordTokenUses>>): Promise<Outcome<EmptyReply>> => {
    await tokens.recordUses(payload.uses);
    return ack;
  };
