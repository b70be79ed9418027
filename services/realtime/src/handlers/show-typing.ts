import type { PayloadOf, TypingStarted } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { NEWEST_VERSION } from "@strata/layer-protocol";
import type { Logger } from "@strata/runtime";
import type { Typing } from "../requests/typing.ts";
import { type CallDeps, callIn } from "../views/call.ts";

interface Deps {
  readonly typing: Typing;
  readonly calls: CallDeps;
  readonly log: Logger;
}

/** A message that is on its way is seen being typed, for as long as its schedule says (server API 7.3). */
export const showTyping =
  ({ typing, calls, log }: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof TypingStarted>>): Promise<Outcome<never>> => {
    const { conversationId, sender, at, forMs } = payload;
    const leftMs = at + forMs - Date.now();
    const show = (action: "started" | "finished") =>
      typing
        .show(callIn(calls, { appId: app, version: NEWEST_VERSION }), conversationId, sender, action)
        // What is only of the moment is not worth a second try.
        .catch((error: unknown) => log.debug("typing was not shown", { error }));
    if (leftMs > 0) {
      await show("started");
      setTimeout(() => void show("finished"), leftMs).unref();
    }
    return ack;
  };
