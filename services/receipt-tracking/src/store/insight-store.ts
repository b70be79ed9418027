import type { Db } from "mongodb";
import { z } from "zod";
import type { InsightKey, InsightKind } from "../domain/insight-key.ts";
import { parseInsightKey, slotPath } from "../domain/insight-key.ts";
import { type DirtyRow, type DirtyRows, mongoDirtyRows } from "./dirty-rows.ts";

const Numbers = z.array(z.number());
const Columns = z.object({ steps: Numbers, counts: Numbers });

/** What was announced in an hour or on a day, and what has become of it by now. */
const Announced = z.object({
  announcements: z.number(),
  sent: z.number(),
  delivered: z.number(),
  read: z.number(),
  opened: z.number(),
  deleted: z.number(),
  toDelivered: Columns,
  toRead: Columns,
});
export type Announced = z.infer<typeof Announced>;

const Messages = z.object({ messages: z.number() });
/** How many users were active on the day, and in each of its hours. */
const ActiveUsers = z.object({ users: z.number(), hours: Numbers });
export type ActiveUsers = z.infer<typeof ActiveUsers>;

export type InsightRow = Announced | z.infer<typeof Messages> | ActiveUsers;

/** Hours or days since 1970: from one to before another. */
export interface Slots {
  readonly from: number;
  readonly to: number;
}

/** Small buckets of time, each derived from facts. */
export interface InsightStore extends DirtyRows<InsightRow> {
  announced(
    app: string,
    kind: "hour" | "day",
    slots: Slots,
  ): AsyncIterable<Announced & { readonly key: Of<"hour" | "day"> }>;
  messages(app: string, slots: Slots): AsyncIterable<{ readonly slot: number; readonly messages: number }>;
  users(app: string, slots: Slots): AsyncIterable<ActiveUsers & { readonly slot: number }>;
}

type Of<Kind extends InsightKind> = Extract<InsightKey, { readonly kind: Kind }>;

export function mongoInsightStore(db: Db): InsightStore {
  const rows = db.collection<DirtyRow>("insights");
  /** Those that were derived before: a row that is only marked says nothing. */
  const inSlots = (app: string, kind: InsightKind, { from, to }: Slots, field: string) =>
    rows
      .find({
        _id: { $gte: slotPath({ kind, app, slot: from }), $lt: slotPath({ kind, app, slot: to }) },
        [field]: { $exists: true },
      })
      .sort({ _id: 1 });
  return {
    ...mongoDirtyRows<InsightRow>(db, "insights"),
    async *announced(app, kind, slots) {
      for await (const row of inSlots(app, kind, slots, "announcements")) {
        const key = parseInsightKey(row._id);
        if (key.kind === "hour" || key.kind === "day") yield { key, ...Announced.parse(row) };
      }
    },
    async *messages(app, slots) {
      for await (const row of inSlots(app, "messages", slots, "messages")) {
        yield { slot: parseInsightKey(row._id).slot, ...Messages.parse(row) };
      }
    },
    async *users(app, slots) {
      for await (const row of inSlots(app, "users", slots, "users")) {
        yield { slot: parseInsightKey(row._id).slot, ...ActiveUsers.parse(row) };
      }
    },
  };
}
