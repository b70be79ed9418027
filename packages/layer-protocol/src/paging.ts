import { invalidProperty, notFound } from "./errors.ts";

/** Page sizes of one list (server API 2.5). */
export interface PageSizes {
  readonly default: number;
  readonly max: number;
}

/** Conversations, messages, announcements. */
export const OBJECT_PAGES: PageSizes = { default: 100, max: 100 };
/** Identities, following, recipients. */
export const USER_PAGES: PageSizes = { default: 500, max: 500 };

export interface Paging {
  readonly pageSize: number;
  /** Rows come from behind this one; null starts at the top. */
  readonly fromId: string | null;
}

/**
 * Reads `page_size` and `from_id` (server API 2.5). Above the maximum means the maximum. `parseFromId` turns the text
 * into the id of a row, null when it cannot be one.
 * @throws LayerError 422 `invalid_property` `page_size` below 1 or not an integer; 404 `not_found` for a `from_id` that
 * cannot be the id of any row, as for one that is not the id of a row
 */
export function parsePaging(
  query: Readonly<Record<string, unknown>>,
  sizes: PageSizes,
  parseFromId: (text: string) => string | null,
): Paging {
  return { pageSize: parsePageSize(query.page_size, sizes), fromId: readFromId(query.from_id, parseFromId) };
}

function parsePageSize(value: unknown, sizes: PageSizes): number {
  if (value === undefined) return sizes.default;
  if (typeof value !== "string" || !/^\d+$/.test(value) || /^0+$/.test(value)) {
    throw invalidProperty("page_size", "must be an integer of at least 1");
  }
  return Math.min(Number(value), sizes.max);
}

function readFromId(value: unknown, parseFromId: (text: string) => string | null): string | null {
  if (value === undefined) return null;
  const fromId = typeof value === "string" ? parseFromId(value) : null;
  if (fromId === null) throw notFound("from_id names no row of this list");
  return fromId;
}
