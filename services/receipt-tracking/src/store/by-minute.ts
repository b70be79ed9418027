import { AnnouncementReceiptKind } from "@strata/contracts";
import type { Document } from "mongodb";
import { z } from "zod";
import { announcementPath, type CountKey, kindLetter, partitionRange } from "../domain/receipt-key.ts";
import { type MinuteCounts, minuteOf } from "../domain/timeline.ts";

const Minute = z
  .object({ _id: z.date(), delivered: z.number(), read: z.number(), opened: z.number(), deleted: z.number() })
  .transform(({ _id, delivered, read, opened, deleted }): MinuteCounts => ({
    minute: minuteOf(_id.getTime()),
    delivered,
    read,
    opened,
    deleted,
  }));

const firstOf = (kinds: readonly AnnouncementReceiptKind[]) => ({
  $min: { $cond: [{ $in: ["$kind", kinds.map(kindLetter)] }, "$at", null] },
});
const countOf = (state: string) => ({ $sum: { $cond: [{ $eq: ["$time.k", state] }, 1, 0] } });

/**
 * First each user's first time of each state, so that nobody is counted twice whatever she reported; then how many of
 * these times fall into each minute.
 */
export function byMinutePipeline(key: CountKey): Document[] {
  const kindAt = Buffer.byteLength(announcementPath(key));
  return [
    {
      $match: {
        $or: AnnouncementReceiptKind.options.map((kind) => {
          const { after, before } = partitionRange(key, kind);
          return { _id: { $gt: after, $lt: before } };
        }),
      },
    },
    { $project: { user: 1, at: 1, kind: { $substrBytes: ["$_id", kindAt, 1] } } },
    {
      $group: {
        _id: "$user",
        delivered: firstOf(["delivered", "read", "opened"]),
        read: firstOf(["read"]),
        opened: firstOf(["opened"]),
        deleted: firstOf(["deleted"]),
      },
    },
    {
      $project: {
        _id: 0,
        time: { $objectToArray: { delivered: "$delivered", read: "$read", opened: "$opened", deleted: "$deleted" } },
      },
    },
    { $unwind: "$time" },
    { $match: { "time.v": { $ne: null } } },
    {
      $group: {
        _id: { $dateTrunc: { date: "$time.v", unit: "minute" } },
        delivered: countOf("delivered"),
        read: countOf("read"),
        opened: countOf("opened"),
        deleted: countOf("deleted"),
      },
    },
    { $sort: { _id: 1 } },
  ];
}

/** What the pipeline answers. */
export const minuteCounts = (rows: readonly unknown[]): readonly MinuteCounts[] => z.array(Minute).parse(rows);
