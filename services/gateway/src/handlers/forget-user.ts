import type { PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import type { KnownUsers } from "../routes/known-users.ts";

/** A deleted user is asked for again, and not known from then on. */
export const forgetUser =
  ({ users }: { readonly users: KnownUsers }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof UserDeleted>>): Promise<Outcome<never>> => {
    users.forget(app, payload.userId);
    return ack;
  };
