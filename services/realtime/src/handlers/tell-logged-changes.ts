import type { ChangeLogged, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { gathering } from "@strata/runtime";
import type { LoggedChange } from "../store/change-store.ts";
import { tellChanges, type TellDeps } from "../tell-changes.ts";

/** Told together at most: what came meanwhile to one conversation costs one question. */
const TOGETHER = 200;

/** Every replica hears of every change once, and tells its own sockets, in the order in which changes were logged. */
export function tellLoggedChanges(deps: TellDeps) {
  const tell = gathering<LoggedChange, void>({
    concurrency: 1,
    maxWeight: TOGETHER,
    async work(changes) {
      await tellChanges(changes, deps);
      return changes.map(() => undefined);
    },
  });
  return async ({ id, app, payload }: Delivery<PayloadOf<typeof ChangeLogged>>): Promise<Outcome<never>> => {
    // Nearly all changes are about users whose sockets are elsewhere: those cost a look and no more.
    if (deps.registry.present(app, payload.receivers).length > 0) await tell({ id, app, ...payload });
    return ack;
  };
}
