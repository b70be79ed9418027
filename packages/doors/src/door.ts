import type { Call } from "./call.ts";

/** Whose eyes: a user's, or null for the app's backend, which sees everything. */
export type Viewer = string | null;

/** One way into conversations and messages. What is done behind it is the same for all: a door says in whose name a request acts. */
export interface Door {
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
