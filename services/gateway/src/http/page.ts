import { notFound } from "@strata/layer-protocol";
import { type Answer, ok } from "./route.ts";

/** The rows of a page; null: `from_id` names none of its list. @throws LayerError 404 `not_found` */
export function rowsOfPage<Row>(rows: readonly Row[] | null): readonly Row[] {
  if (rows === null) throw notFound("from_id names no row of this list");
  return rows;
}

/** One page, and how long the whole list is. */
export const onePage = (views: readonly unknown[], total: number): Answer =>
  ok(views, { "Layer-Count": String(total) });
