import {
  type ConversationRecord,
  ConversationRecordKind,
  DirectoryRecordKind,
  GetReceiptStates,
  GetUnread,
  type InboxKey,
  ListConversationRecords,
  ListCountedPushes,
  ListDirectoryRecords,
  ListInboxKeys,
  ListPushOutcomes,
  type NewPart,
  type Part,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { formatOptionalTime, formatTime, notFound } from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";
import { type ExportRecord, wireRecord } from "./user-export-lines.ts";

type Records = AsyncGenerator<ExportRecord>;
/** A call that waits no longer than a page may take. */
type Within = (call: Call) => Pick<Call["calls"], "ask">;

interface Subject {
  readonly userId: string;
  /** Since when she is known: what is for everyone is hers from then on. */
  readonly knownSince: number | null;
}

const RECORDS_PAGE = 500;
const INBOX_PAGE = 500;
/** Of each announcement, a partition's chunks are read for it: of one to a million, some sixteen of a thousand entries. */
const PUSHES_PAGE = 20;

/** What services keep of her beside what is shown of her elsewhere. */
export async function* keptRecords(call: Call, within: Within, { userId }: Subject): Records {
  for (const kind of DirectoryRecordKind.options) {
    for (let after: string | null = null; ;) {
      const question: PayloadOf<typeof ListDirectoryRecords> = { userId, kind, after, limit: RECORDS_PAGE };
      const page: ReplyOf<typeof ListDirectoryRecords> = await within(call).ask(ListDirectoryRecords, question);
      yield* page.records.map(wireRecord);
      if (page.next === null) break;
      after = page.next;
    }
  }
  for (const kind of ConversationRecordKind.options) {
    for (let after: string | null = null; ;) {
      const question: PayloadOf<typeof ListConversationRecords> = { userId, kind, after, limit: RECORDS_PAGE };
      const page: ReplyOf<typeof ListConversationRecords> = await within(call).ask(ListConversationRecords, question);
      yield* page.records.map(conversationRecord);
      if (page.next === null) break;
      after = page.next;
    }
  }
  const { pushes } = await within(call).ask(ListCountedPushes, { userId });
  yield* pushes.map((push) => wireRecord({ type: "push", ...push }));
}

/** Her own words whole. */
function conversationRecord(record: ConversationRecord): ExportRecord {
  if (record.type !== "message_sent" && record.type !== "message_scheduled") return wireRecord(record);
  const { messageId: id, parts, ...rest } = record;
  return wireRecord({ ...rest, id, parts: parts.map(partRecord) });
}

const partRecord = ({ partId, mimeType, body, encoding, content }: Part | NewPart) => ({
  id: partId,
  mime_type: mimeType,
  body,
  encoding,
  content_id: content?.contentId ?? null,
});

/** What was sent to her, newest first, and when she read it: also what she has deleted for herself. Not what it says. */
export async function* announcements(call: Call, within: Within, { userId, knownSince }: Subject): Records {
  const { version: _, ...unread } = await within(call).ask(GetUnread, { userId });
  yield { type: "badge", ...unread };
  const asked = { userId, after: null, since: null, knownSince, limit: INBOX_PAGE };
  for (let behind: InboxKey | null = null; ;) {
    const page: ReplyOf<typeof ListInboxKeys> = await within(call).ask(ListInboxKeys, { ...asked, behind });
    if (page.keys === null) throw notFound("The list changed while it was read");
    const announcementIds = page.keys.map(({ announcementId }) => announcementId);
    const { states } = await within(call).ask(GetReceiptStates, { userId, announcementIds });
    const receipts = new Map(states.map((state) => [state.announcementId, state]));
    for (const key of page.keys) yield announcementRecord(key, receipts.get(key.announcementId));
    yield* pushOutcomes(call, within, { userId, kind: "announcement", ids: announcementIds });
    behind = page.keys.at(-1) ?? null;
    if (page.keys.length < INBOX_PAGE) return;
  }
}

interface Pushed {
  readonly userId: string;
  readonly kind: PayloadOf<typeof ListPushOutcomes>["kind"];
  readonly ids: readonly string[];
}

/** What became of the pushes of these to her devices. */
export async function* pushOutcomes(call: Call, within: Within, { userId, kind, ids }: Pushed): Records {
  for (let from = 0; from < ids.length; from += PUSHES_PAGE) {
    const asked = { userId, kind, ids: ids.slice(from, from + PUSHES_PAGE) };
    const { outcomes } = await within(call).ask(ListPushOutcomes, asked);
    yield* outcomes.map(({ id, ...outcome }) => wireRecord({ type: "push_outcome", [`${kind}Id`]: id, ...outcome }));
  }
}

type ReceiptState = ReplyOf<typeof GetReceiptStates>["states"][number];

const announcementRecord = ({ announcementId, at }: InboxKey, receipt?: ReceiptState): ExportRecord => ({
  type: "announcement",
  id: announcementId,
  sent_at: formatTime(at),
  received_at: formatOptionalTime(receipt?.deliveredAt ?? null),
  read_at: formatOptionalTime(receipt?.readAt ?? null),
  opened_at: formatOptionalTime(receipt?.openedAt ?? null),
  deleted_at: formatOptionalTime(receipt?.deletedAt ?? null),
});
