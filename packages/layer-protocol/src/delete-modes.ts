import { invalidProperty, missingProperty } from "./errors.ts";

/** How a user deletes a conversation or a message (server API 11): for everybody, or from her own view. */
export type DeleteMode = { mode: "all_participants" } | { mode: "my_devices"; leave: boolean };

/**
 * Parses `mode` and, for `my_devices`, `leave` of a DELETE in a user's name. Messages have no `leave`, and ignore it as
 * any unknown field.
 * @throws LayerError 422 `missing_property` `mode`; 422 `invalid_property` `mode`, `leave`
 */
export function parseDeleteMode(query: Readonly<Record<string, unknown>>): DeleteMode {
  const { mode, leave = "false" } = query;
  if (mode === undefined) throw missingProperty("mode");
  if (mode === "all_participants") return { mode };
  if (mode !== "my_devices") throw invalidProperty("mode", "must be all_participants or my_devices");
  if (leave !== "true" && leave !== "false") throw invalidProperty("leave", "must be true or false");
  return { mode, leave: leave === "true" };
}
