import type { ListAudit, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { AuditStore } from "../store/audit-store.ts";

/** What was done to an account, newest first. */
export const listAudit =
  ({ audit }: { readonly audit: AuditStore }) =>
  async ({ payload }: Delivery<PayloadOf<typeof ListAudit>>): Promise<Outcome<ReplyOf<typeof ListAudit>>> => {
    const entries = await audit.list(payload);
    return reply({ entries: entries && [...entries] });
  };
