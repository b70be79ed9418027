import type { AppChanged, PayloadOf } from "@strata/contracts";
import type { SessionCache } from "@strata/doors";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import type { GrantCache } from "../http/grant-cache.ts";

interface Deps {
  readonly grants: GrantCache;
  readonly sessions: SessionCache;
}

/** An app lets nobody in any more, or does again. It is seldom, so all is asked for anew rather than looked through. */
export const forgetApp =
  ({ grants, sessions }: Deps) =>
  async (_changed: Delivery<PayloadOf<typeof AppChanged>>): Promise<Outcome<never>> => {
    grants.forgetAll();
    sessions.forgetAll();
    return ack;
  };
