import { type AppChanged, AuthenticateSession, type PayloadOf, type SessionEnded } from "@strata/contracts";
import type { SessionCache } from "@strata/doors";
import { ack, type Client, type Delivery, type Outcome } from "@strata/messaging";
import type { Registry } from "../sockets/registry.ts";

interface Deps {
  readonly registry: Registry;
  readonly sessions: SessionCache;
  readonly client: Pick<Client, "ask">;
}

/** She has logged out somewhere: the sockets of that session are closed. */
export const endSocketsOfSession =
  ({ registry, sessions }: Omit<Deps, "client">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof SessionEnded>>): Promise<Outcome<never>> => {
    sessions.forget(payload.hash);
    for (const connection of registry.ofUser(app, payload.userId)) {
      if (connection.hash === payload.hash) connection.close("sessionEnded");
    }
    return ack;
  };

/** The app lets nobody in any more, or does again: what was known of its sessions is asked for anew. */
export const endSocketsOfApp =
  ({ registry, sessions }: Omit<Deps, "client">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof AppChanged>>): Promise<Outcome<never>> => {
    sessions.forgetAll();
    if (payload.state === "active") return ack;
    for (const connection of registry.all()) {
      if (connection.session.appId === app) connection.close("sessionEnded");
    }
    return ack;
  };

/** Some or all of her sessions have ended: each of her sockets is asked about, and closed unless its session lives on. */
export const endSocketsOfUser =
  ({ registry, sessions, client }: Deps) =>
  async ({ app, payload }: Delivery<{ readonly userId: string }>): Promise<Outcome<never>> => {
    sessions.forgetUser(app, payload.userId);
    await Promise.all(
      registry.ofUser(app, payload.userId).map(async (connection) => {
        // Who cannot be asked about has to log in again when she is back.
        const answer = await client.ask(AuthenticateSession, app, { hash: connection.hash }).catch(() => null);
        if (!answer?.session) connection.close("sessionEnded");
      }),
    );
    return ack;
  };
