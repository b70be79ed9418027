import { isDeepStrictEqual } from "node:util";
import type { Metadata } from "@strata/contracts";

/** Whether two are the same, in whatever order their keys are. */
export const isSameMetadata = (one: Metadata, other: Metadata): boolean => isDeepStrictEqual(one, other);

/** In bytes of UTF-8, as JSON: what its limit speaks of. */
export const metadataBytes = (metadata: Metadata): number => Buffer.byteLength(JSON.stringify(metadata));
