import { type AnnouncementReceiptKind, partitionOf, type ReceiptFact } from "@strata/contracts";
import { receiptKeyIn } from "./receipt-key.ts";

/** What this service needs to know of a RecordReceipts command. */
export interface ReceiptCommand {
  readonly id: string;
  readonly app: string;
  readonly payload: { readonly announcementId: string; readonly receipts: readonly ReceiptFact[] };
}

/** One receipt that the commands of a group report, some of them perhaps several times. */
export interface ReportedReceipt {
  readonly key: string;
  readonly app: string;
  readonly announcementId: string;
  /** As the first command has it. */
  readonly fact: ReceiptFact;
  readonly partition: number;
  /** Where this receipt is stored, or an earlier one of the same user: any of them proves the user a recipient. */
  readonly provingKeys: readonly string[];
  /** The user as a possible recipient of this announcement. */
  readonly userKey: string;
  /** The commands that report it, first come first. */
  readonly commands: readonly [string, ...string[]];
}

/** Splits a group in order; a part is closed by the command that brings it to `limit` receipts. */
export function partsOf<C extends ReceiptCommand>(commands: readonly C[], limit: number): readonly (readonly C[])[] {
  const parts: C[][] = [];
  let size = limit;
  for (const command of commands) {
    if (size >= limit) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(command);
    size += command.payload.receipts.length;
  }
  return parts;
}

/** Drops repeats: a tenth of duplicates makes an unordered insert three times as slow. */
export function distinctReceipts(commands: readonly ReceiptCommand[]): readonly ReportedReceipt[] {
  const reported = new Map<string, ReportedReceipt & { readonly commands: [string, ...string[]] }>();
  for (const { id, app, payload } of commands) {
    for (const fact of payload.receipts) {
      const partition = partitionOf(fact.userId);
      const key = receiptKeyIn(partition, app, payload.announcementId, fact.kind, fact.userId);
      const known = reported.get(key);
      if (!known)
        reported.set(key, {
          ...reportedReceipt({ key, app, partition, fact, announcementId: payload.announcementId }),
          commands: [id],
        });
      else if (!known.commands.includes(id)) known.commands.push(id);
    }
  }
  return [...reported.values()];
}

/** What mostly has come before a receipt of this kind. */
const EARLIER: Readonly<Record<AnnouncementReceiptKind, readonly AnnouncementReceiptKind[]>> = {
  delivered: [],
  read: ["delivered"],
  opened: ["delivered"],
  deleted: ["delivered", "read"],
};

function reportedReceipt(of: Pick<ReportedReceipt, "key" | "app" | "partition" | "fact" | "announcementId">) {
  const { key, app, partition, fact, announcementId } = of;
  const { kind, userId } = fact;
  const earlier = EARLIER[kind].map((one) => receiptKeyIn(partition, app, announcementId, one, userId));
  return { ...of, provingKeys: [key, ...earlier], userKey: userKey(app, announcementId, userId) };
}

/** One user as a possible recipient of one announcement. */
export const userKey = (app: string, announcementId: string, userId: string): string =>
  `${app}/${announcementId}/${userId}`;
