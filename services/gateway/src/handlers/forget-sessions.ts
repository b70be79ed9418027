import type { PayloadOf, SessionEnded, SessionsEnded } from "@strata/contracts";
import type { SessionCache } from "@strata/doors";
import { ack, type Delivery, type Outcome } from "@strata/messaging";

/** One session has ended: it is asked about again at its next use, and is none from then on. */
export const forgetSession =
  ({ sessions }: { readonly sessions: SessionCache }) =>
  async ({ payload }: Delivery<PayloadOf<typeof SessionEnded>>): Promise<Outcome<never>> => {
    sessions.forget(payload.hash);
    return ack;
  };

/** All of a user's may have ended: the backend has ended them, or suspended her. */
export const forgetSessions =
  ({ sessions }: { readonly sessions: SessionCache }) =>
  async ({ app, payload }: Delivery<Pick<PayloadOf<typeof SessionsEnded>, "userId">>): Promise<Outcome<never>> => {
    sessions.forgetUser(app, payload.userId);
    return ack;
  };
