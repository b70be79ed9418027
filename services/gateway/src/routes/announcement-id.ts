import { notFound, parseObjectId } from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";

/**
 * The announcement that the path names, by UUID or URI.
 * @throws LayerError 404 `not_found` for what cannot be the id of any
 */
export function announcementIdOf(call: Call): string {
  const id = parseObjectId("announcements", call.param("announcement"));
  if (id === null) throw notFound("There is no such announcement");
  return id;
}
