import { AnnouncementReceiptKind } from "@strata/contracts";
import type { Document } from "mongodb";
import { z } from "zod";
import { announcementPath, type CountKey, kindLetter, partitionRange } from "../domain/receipt-key.ts";
import type { UserTimes } from "../domain/user-times.ts";

const Time = z.date().nullable();
const User = z
  .object({ _id: z.string(), delivered: Time, read: Time, opened: Time, deleted: Time })
  .transform(({ _id: userId, delivered, read, opened, deleted }): UserTimes => ({
    userId,
    delivered: millis(delivered),
    read: millis(read),
    opened: millis(opened),
    deleted: millis(deleted),
  }));

const millis = (time: Date | null): number | null => time && time.getTime();

const timeOf = (kind: AnnouncementReceiptKind) => ({
  $min: { $cond: [{ $eq: ["$kind", kindLetter(kind)] }, "$at", null] },
});

/** Each user of a partition with what her receipts say, ascending. */
export function byUserPipeline(key: CountKey): Document[] {
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
        delivered: timeOf("delivered"),
        read: timeOf("read"),
        opened: timeOf("opened"),
        deleted: timeOf("deleted"),
      },
    },
    { $sort: { _id: 1 } },
  ];
}

/** What the pipeline answers. */
export const userTimes = (rows: readonly unknown[]): readonly UserTimes[] => z.array(User).parse(rows);
