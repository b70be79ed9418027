import { invalidHeader } from "./errors.ts";
import type { LayerError } from "./layer-error.ts";

/** The versions of the API, oldest first. */
export const VERSIONS = ["1.0", "1.1", "2.0", "3.0"] as const;
export type LayerVersion = (typeof VERSIONS)[number];

/** What callers get who do not name a version. */
export const NEWEST_VERSION: LayerVersion = "3.0";

const VENDOR_TYPE = "application/vnd.layer+json";
/** Types that say nothing about a version, the most telling first (server API 20). */
const OPEN_TYPES = ["application/json", "application/*", "*/*"];
const NEWEST_FIRST = [...VERSIONS].toReversed();

/** Whether users appear as identity ids and identity objects (2.0 and later) or as bare user ids (1.x). */
export const usesIdentityIds = (version: LayerVersion): boolean => version === "2.0" || version === "3.0";

/** Whether a message part is an object with a URL of its own (3.0). */
export const hasAddressableParts = (version: LayerVersion): boolean => version === "3.0";

/**
 * The version a request's `Accept` asks for (server API 2.2, 20). Absent, the wildcard and `application/json` mean the newest;
 * the vendor type must carry a known version. Letter case and white space do not matter. In a list the highest `q`
 * wins; at the same `q` a named version goes before an open type, and a newer one before an older.
 * @throws LayerError 406 `invalid_header` with `data.header` = `Accept`
 */
export function negotiateVersion(accept: string | undefined): LayerVersion {
  if (accept === undefined || accept.trim() === "") return NEWEST_VERSION;
  const ranges = accept.split(",").map(parseRange);
  let best: { version: LayerVersion; quality: number; isNamed: boolean } | null = null;
  for (const version of NEWEST_FIRST) {
    const named = ranges.find((range) => range.type === VENDOR_TYPE && range.version === version);
    const quality = named?.quality ?? openQuality(ranges);
    const isNamed = named !== undefined;
    const isBetter = best === null || quality > best.quality || (quality === best.quality && isNamed && !best.isNamed);
    if (quality > 0 && isBetter) best = { version, quality, isNamed };
  }
  if (best === null) throw notAcceptable();
  return best.version;
}

interface MediaRange {
  readonly type: string;
  readonly version: string | null;
  readonly quality: number;
}

function parseRange(text: string): MediaRange {
  const [type = "", ...parameters] = text.split(";").map((piece) => piece.trim().toLowerCase());
  let version: string | null = null;
  let quality = 1;
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=").map((piece) => piece.trim().replace(/^"(.*)"$/, "$1"));
    if (name === "version") version = value;
    if (name === "q" && /^[01](\.\d{0,3})?$/.test(value)) quality = Math.min(1, Number(value));
  }
  return { type, version, quality };
}

const openQuality = (ranges: readonly MediaRange[]): number =>
  OPEN_TYPES.map((type) => ranges.find((range) => range.type === type)).find((range) => range !== undefined)?.quality ??
  0;

const notAcceptable = (): LayerError =>
  invalidHeader("Accept", `must be ${VENDOR_TYPE}; version=X, X one of ${VERSIONS.join(", ")}`);

const PATCH_TYPES = new Set([
  "application/vnd.layer-patch+json",
  // A page of the original documentation misspelt it so; clients written from that page exist (server API 2.2).
  "application/vnd.layer-patch.json",
]);

/**
 * Refuses a PATCH that is no Layer-Patch (server API 2.2): parameters and letter case do not matter.
 * @throws LayerError 406 `invalid_header` with `data.header` = `Content-Type`; the contract knows no 415
 */
export function requireLayerPatchType(contentType: string | undefined): void {
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  if (type === undefined || !PATCH_TYPES.has(type)) {
    throw invalidHeader("Content-Type", "must be application/vnd.layer-patch+json");
  }
}
