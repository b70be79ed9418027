import { partitionKey } from "@strata/contracts";

/**
 * What a row of insights is about. `hour` and `day`: what was announced then, of one category. `messages`: those of an
 * hour. `users`: who was active on a day, of one partition.
 */
export type InsightKey =
  | { readonly kind: "hour"; readonly app: string; readonly slot: number; readonly category: string | null }
  | { readonly kind: "day"; readonly app: string; readonly slot: number; readonly category: string | null }
  | { readonly kind: "messages"; readonly app: string; readonly slot: number }
  | { readonly kind: "users"; readonly app: string; readonly slot: number; readonly partition: number };

export type InsightKind = InsightKey["kind"];

const LETTER = { hour: "h", day: "d", messages: "m", users: "u" } as const satisfies Record<InsightKind, string>;

/** Seven digits: hours since 1970 have six until 2084. */
const slotKey = (slot: number): string => String(slot).padStart(7, "0");

/** A category may hold any character, and none is not the same as an empty one. */
const categoryKey = (category: string | null): string => (category === null ? "" : `=${encodeURIComponent(category)}`);

/** A row's `_id`: `<app>/<letter>/<hour or day since 1970>/<category or partition>`. */
export function insightKey(key: InsightKey): string {
  const path = slotPath(key);
  switch (key.kind) {
    case "hour":
    case "day":
      return `${path}/${categoryKey(key.category)}`;
    case "messages":
      return path;
    case "users":
      return `${path}/${partitionKey(key.partition)}`;
    default:
      return key satisfies never;
  }
}

/** What the keys of one hour or day begin with. */
export const slotPath = ({ kind, app, slot }: Pick<InsightKey, "kind" | "app" | "slot">): string =>
  `${app}/${LETTER[kind]}/${slotKey(slot)}`;

export function parseInsightKey(id: string): InsightKey {
  const [app = "", letter, slotText, rest = ""] = id.split("/");
  const slot = Number(slotText);
  switch (letter) {
    case LETTER.hour:
    case LETTER.day: {
      const kind = letter === LETTER.hour ? "hour" : "day";
      return { kind, app, slot, category: rest === "" ? null : decodeURIComponent(rest.slice(1)) };
    }
    case LETTER.messages:
      return { kind: "messages", app, slot };
    case LETTER.users:
      return { kind: "users", app, slot, partition: Number(rest) };
    default:
      throw new Error(`not the key of a row of insights: ${id}`);
  }
}
