import type { ChangeLogged, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { gathering } from "@strata/runtime";
import type { LoggedChange } from "../store/change-store.ts";
import type { Typing } from "../requests/typing.ts";
import type { HeardThrough } from "../sockets/heard-through.ts";
import { tellChanges, type TellDeps } from "../tell-changes.ts";

interface Deps extends TellDeps {
  readonly heard: HeardThrough;
  readonly typing: Pick<Typing, "forget">;
}

/** Told together at most: what came meanwhile to one conversation costs one question. */
const TOGETHER = 200;

/** Every replica hears of every change once, and tells its own sockets, in the order in which changes were logged. */
export function tellLoggedChanges(deps: Deps) {
  const tell = gathering<LoggedChange, void>({
    concurrency: 1,
    maxWeight: TOGETHER,
    async work(changes) {
      await tellChanges(changes, deps);
      return changes.map(() => undefined);
    },
  });
  return async ({ id, app, payload }: Delivery<PayloadOf<typeof ChangeLogged>>): Promise<Outcome<never>> => {
    // Who has left shall not hear her any more, nor be heard.
    if (payload.change.kind === "participants-changed") deps.typing.forget(app, payload.change.conversationId);
    // Nearly all changes are about users whose sockets are elsewhere: those cost a look and no more.
    if (deps.registry.present(app, payload.receivers).length === 0) return ack;
    const told = deps.heard.telling(payload.at);
    await tell({ id, app, ...payload }).finally(told);
    return ack;
  };
}
