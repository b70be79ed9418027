import { GetSegment, type Segment } from "@strata/contracts";
import { notFound, parseObjectId } from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";

/**
 * The segment that the path names, by UUID or URI.
 * @throws LayerError 404 `not_found` for what cannot be the id of any
 */
export function segmentIdOf(call: Call): string {
  const id = parseObjectId("segments", call.param("segment"));
  if (id === null) throw notFound("There is no such segment");
  return id;
}

/** @throws LayerError 404 `not_found`, also for another app's */
export async function findSegment(call: Call): Promise<Segment> {
  const { segment } = await call.calls.ask(GetSegment, { segmentId: segmentIdOf(call) });
  if (segment === null) throw notFound("There is no such segment");
  return segment;
}
