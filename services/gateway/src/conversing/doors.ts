import type { Call, Door } from "@strata/doors";
import { requireUserId } from "@strata/layer-protocol";
import type { z } from "zod";
import { AppPath, UserPath } from "../openapi/parameters.ts";
import type { KnownUsers } from "../routes/known-users.ts";

/**
 * A door of the HTTP API: also where its paths begin. (The Client API is one more, whose user is its session's, and so is a
 * socket of realtime.)
 */
export interface HttpDoor extends Door {
  readonly prefix: string;
  /** The parameters of `prefix`. */
  readonly path: z.ZodObject;
  /** Of its operations' ids and texts. */
  readonly words: { readonly id: string; readonly who: string };
}

/** A door through which only users come. */
export interface UserDoor extends HttpDoor {
  viewer(call: Call): string;
}

/** `/apps/:app/…`: the backend itself. */
export const backendDoor = (): HttpDoor => ({
  prefix: "/apps/:app",
  path: AppPath,
  words: { id: "", who: "the backend" },
  viewer: () => null,
  admit: async () => {},
});

/** `/apps/:app/users/:user/…`: the backend in a user's name (server API 11). */
export const userDoor = (users: KnownUsers): UserDoor => ({
  prefix: "/apps/:app/users/:user",
  path: UserPath,
  words: { id: "User", who: "a user" },
  viewer: (call) => requireUserId(call.param("user")),
  async admit(call, viewer) {
    if (viewer !== null) await users.require(call, viewer);
  },
});
