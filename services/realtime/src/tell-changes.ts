import type { LayerVersion } from "@strata/layer-protocol";
import type { Logger } from "@strata/runtime";
import type { Connection } from "./sockets/connection.ts";
import type { Registry } from "./sockets/registry.ts";
import type { LoggedChange } from "./store/change-store.ts";
import { type CallDeps, callIn } from "./views/call.ts";
import { textOf } from "./views/packets.ts";
import { type RenderDeps, renderChanges } from "./views/render-changes.ts";

export interface TellDeps extends RenderDeps {
  readonly registry: Registry;
  readonly calls: CallDeps;
  readonly log: Logger;
}

interface Receiver {
  readonly userId: string;
  readonly connection: Connection;
}

/**
 * Tells logged changes to the sockets of this process, in their order. Where what they would see cannot be found out, they
 * are closed: the change is in the log, and they catch up with it when they are back.
 */
export async function tellChanges(changes: readonly LoggedChange[], deps: TellDeps): Promise<void> {
  const here = changes
    .map((one) => ({ ...one, userIds: deps.registry.present(one.app, one.receivers) }))
    .filter(({ userIds }) => userIds.length > 0);
  for (const [app, some] of Map.groupBy(here, (one) => one.app)) {
    const receivers = [...new Set(some.flatMap(({ userIds }) => userIds))].flatMap((userId) =>
      deps.registry.ofUser(app, userId).map((connection) => ({ userId, connection })),
    );
    await Promise.all(
      [...Map.groupBy(receivers, ({ connection }) => connection.version)].map(([version, ofVersion]) =>
        tellIn(version, app, some, ofVersion, deps),
      ),
    );
  }
}

async function tellIn(
  version: LayerVersion,
  app: string,
  changes: readonly (LoggedChange & { readonly userIds: readonly string[] })[],
  receivers: readonly Receiver[],
  deps: TellDeps,
): Promise<void> {
  const byUser = Map.groupBy(receivers, ({ userId }) => userId);
  const told = changes.map(({ change, userIds }) => ({ change, userIds: userIds.filter((one) => byUser.has(one)) }));
  const { packets, failed } = await renderChanges(callIn(deps.calls, { appId: app, version }), told, deps);
  // Before anything else is sent: what follows a change must not reach whoever has missed it.
  for (const [{ change, userIds }, error] of failed) {
    deps.log.warn("a change could not be told, so its receivers catch up", { app, kind: change.kind, error });
    for (const userId of userIds) for (const { connection } of byUser.get(userId) ?? []) connection.close("behind");
  }
  for (const ofOne of packets) {
    for (const [userId, hers] of ofOne) {
      for (const packet of hers) {
        const text = textOf(packet);
        for (const { connection } of byUser.get(userId) ?? []) connection.sendBody(packet.type, text);
      }
    }
  }
}
