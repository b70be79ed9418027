import { requireUserId } from "@strata/layer-protocol";
import type { z } from "zod";
import type { Call } from "../http/route.ts";
import { AppPath, UserPath } from "../openapi/parameters.ts";
import type { KnownUsers } from "../routes/known-users.ts";

/** Whose eyes: a user's, or null for the app's backend, which sees everything. */
export type Viewer = string | null;

/**
 * One way into conversations and messages. What is done behind it is the same for all: a door says where its paths
 * begin and in whose name a request acts. (The Client API is one more, whose user is its session's.)
 */
export interface Door {
  readonly prefix: string;
  /** The parameters of `prefix`. */
  readonly path: z.ZodObject;
  /** Of its operations' ids and texts. */
  readonly words: { readonly id: string; readonly who: string };
  /**
   * In whose name; nobody has been asked about her yet.
   * @throws LayerError 422 `invalid_property` for what cannot be a user
   */
  viewer(call: Call): Viewer;
  /**
   * Lets the viewer in, once the request itself is found good (server API 3.3).
   * @throws LayerError 404 `not_found` for a user whom the system never saw
   */
  admit(call: Call, viewer: Viewer): Promise<void>;
}

/** A door through which only users come. */
export interface UserDoor extends Door {
  viewer(call: Call): string;
}

/** `/apps/:app/…`: the backend itself. */
export const backendDoor = (): Door => ({
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
