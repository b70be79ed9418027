import { DomainError } from "@strata/runtime";

/** Bytes `first` to `last`, both included, counted from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What an upload request brings: bytes that stand there, or the question how far the upload has come. */
export type UploadStep = { readonly kind: "bytes"; readonly range: ByteRange } | { readonly kind: "status" };

interface UploadHeaders {
  readonly contentRange: string | undefined;
  /** Undefined where the body comes in chunks of an unknown number. */
  readonly contentLength: number | undefined;
}

/**
 * Reads the rules of resumable uploads as Google's storage has them: `bytes 0-99/200`; a star in place of the total
 * where that is not known; a star in place of the range as a question without a body. No header means the whole.
 * @throws DomainError `invalid_request` for what is no range, `invalid_property` for one that does not fit the content
 */
export function uploadStepOf({ contentRange, contentLength }: UploadHeaders, size: number): UploadStep {
  if (contentRange === undefined) {
    requireLength(contentLength, size, `the announced ${size} bytes`);
    return { kind: "bytes", range: { first: 0, last: size - 1 } };
  }
  const match = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15}|\*)$/.exec(contentRange.trim());
  if (!match) {
    throw new DomainError("invalid_request", { header: "Content-Range" }, { message: "Content-Range is not readable" });
  }
  const [, first, last, total] = match;
  if (total !== undefined && total !== "*" && Number(total) !== size) {
    throw misfit("Content-Range", `says ${total} bytes in all, but ${size} were announced`);
  }
  if (first === undefined || last === undefined) return { kind: "status" };
  const range = { first: Number(first), last: Number(last) };
  if (range.last < range.first || range.last >= size) throw misfit("Content-Range", `is not within ${size} bytes`);
  const bytes = range.last - range.first + 1;
  requireLength(contentLength, bytes, `the ${bytes} bytes of Content-Range`);
  return { kind: "bytes", range };
}

function requireLength(given: number | undefined, expected: number, what: string): void {
  if (given !== undefined && given !== expected) throw misfit("Content-Length", `is ${given}, and not ${what}`);
}

/** The bytes are not those that were announced. */
export const misfit = (header: string, reason: string): DomainError =>
  new DomainError("invalid_property", { header }, { message: `${header} ${reason}` });

/** How much is there, as the answer to an unfinished upload has it; null says that nothing is. */
export const storedRange = (stored: number): string | null => (stored === 0 ? null : `bytes=0-${stored - 1}`);

/**
 * The one range that `Range` asks for (RFC 9110, 14.2). null: the whole, also where the header is none that we serve,
 * such as several ranges at once. `unsatisfiable`: it begins behind the end.
 */
export function requestedRange(header: string | undefined, size: number): ByteRange | "unsatisfiable" | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "");
  const [, from = "", to = ""] = match ?? [];
  if (from === "" && to === "") return null;
  if (from === "") {
    const suffix = Number(to);
    return suffix === 0 || size === 0 ? "unsatisfiable" : { first: Math.max(0, size - suffix), last: size - 1 };
  }
  const first = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  // Backwards is no range at all, and counts as if it were not there.
  if (to !== "" && Number(to) < first) return null;
  return first >= size ? "unsatisfiable" : { first, last };
}
