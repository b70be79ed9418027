import { partitionOf } from "@strata/contracts";
import type { Document } from "mongodb";
import { APP, type Fact } from "./world.ts";

/** As ours: of more recipients the log has an index entry for each partition, and not for each of them. */
const MANY = 64;

/** What the log keeps of a fact, for those who come back. */
export function changeRow({ recipients, ...packet }: Fact): Document {
  const row = { app: APP, at: Date.now(), packet };
  if (recipients.length <= MANY) return { _id: `${APP}/${packet.id}`, ...row, recipients };
  const partitions = [...new Set(recipients.map(partitionOf))];
  // Several rows are of one announcement.
  return { _id: `${APP}/${packet.id}/${recipients[0]}`, ...row, partitions, users: recipients };
}
