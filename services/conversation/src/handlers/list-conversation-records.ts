import type { ConversationRecord, ListConversationRecords, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { conversationKey } from "../domain/conversation.ts";
import { imposedRecords, membershipRecord, RecordedMembership, recordsOf } from "../domain/user-records.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { UserRecordsStore } from "../store/user-records-store.ts";

interface Deps {
  readonly conversations: Pick<ConversationStore, "findMany">;
  readonly userRecords: UserRecordsStore;
  readonly now: () => number;
}

/** What is kept of a user, for her export. */
export const listConversationRecords =
  (deps: Deps): Handler<PayloadOf<typeof ListConversationRecords>, ReplyOf<typeof ListConversationRecords>> =>
  async ({ app, payload: { userId, kind, after, limit } }) => {
    const { rows, next } = await deps.userRecords.page(app, userId, kind, after, limit);
    const records =
      kind === "membership"
        ? await membershipsOf(deps, app, rows)
        : rows.flatMap((row) => recordsOf(kind, row, userId));
    return reply({ records, next });
  };

/** Her role, whether she is muted, and what she has imposed are said by the conversation. */
async function membershipsOf(
  { conversations, now }: Deps,
  app: string,
  rows: readonly unknown[],
): Promise<ConversationRecord[]> {
  const memberships = rows.map((row) => RecordedMembership.parse(row));
  const found = await conversations.findMany(memberships.map(({ conversation }) => conversationKey(app, conversation)));
  return memberships.flatMap((row) => {
    const conversation = found.get(conversationKey(app, row.conversation)) ?? null;
    return [[membershipRecord(row, conversation, now())], imposedRecords(row.user, conversation)].flat();
  });
}
