import type { Message } from "@strata/contracts";
import { type Composer, messageIdOf, type Viewer } from "@strata/doors";
import {
  type LayerError,
  type LayerVersion,
  notFound,
  parsePartReference,
  type PartReference,
} from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";

/** Messages have had parts of their own since then (server API 7.6). */
export const PART_VERSIONS: readonly LayerVersion[] = ["2.0", "3.0"];

/** @throws LayerError 404 `not_found` for what can be no part of the path's message */
export function partReferenceOf(call: Call): PartReference {
  const reference = parsePartReference(messageIdOf(call), call.param("part"));
  if (reference === null) throw noPart();
  return reference;
}

/** One part of a message, as the viewer reads it. */
export function partAsRead(call: Call, composer: Composer, viewer: Viewer, message: Message, reference: PartReference) {
  const index =
    "index" in reference ? reference.index : message.parts.findIndex(({ partId }) => partId === reference.partId);
  const view = composer.parts(call, viewer, message)[index];
  if (view === undefined) throw noPart();
  return view;
}

const noPart = (): LayerError => notFound("There is no such part");
