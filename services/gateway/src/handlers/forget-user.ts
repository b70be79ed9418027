import type { PayloadOf, UserDeleted } from "@strata/contracts";
import type { SessionCache } from "@strata/doors";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import type { KnownUsers } from "../routes/known-users.ts";

/** A deleted user and her sessions are asked for again, and not known from then on. */
export const forgetUser =
  ({ users, sessions }: { readonly users: KnownUsers; readonly sessions: SessionCache }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof UserDeleted>>): Promise<Outcome<never>> => {
    users.forget(app, payload.userId);
    sessions.forgetUser(app, payload.userId);
    return ack;
  };
