import type { ConversationRecordKind } from "@strata/contracts";
import type { Db, Filter } from "mongodb";
import { z } from "zod";
import { membershipKey } from "../domain/membership.ts";
import type { MessageRow } from "../domain/message.ts";
import { BANS_BY_USER } from "./ban-store.ts";
import { INVITES_BY_INVITER } from "./invite-store.ts";
import { messageIndex } from "./message-indexes.ts";
import { REFUSED_OF_USER } from "./refused-message-store.ts";

interface RowPage {
  /** As they are stored. */
  readonly rows: readonly unknown[];
  /** Where the next page begins; null: that was all. */
  readonly next: string | null;
}

/** Rows about one user, for her export: those of other stores, read the way that nobody else needs. */
export interface UserRecordsStore {
  page(
    app: string,
    userId: string,
    kind: ConversationRecordKind,
    after: string | null,
    limit: number,
  ): Promise<RowPage>;
}

interface Keyed {
  readonly _id: string;
}
const Key = z.object({ _id: z.string() });
const Conversation = z.object({ conversation: z.string() });

/** Without the hint, the order could be read off the key of everybody's. */
const KINDS = {
  membership: { collection: "memberships", hers: "user", hint: { _id: 1 } },
  ban: { collection: "bans", hers: "userId", hint: "user" },
  ban_imposed: { collection: "bans", hers: "by", hint: BANS_BY_USER },
  invite_made: { collection: "invites", hers: "inviter", hint: INVITES_BY_INVITER },
  invite: { collection: "invites", hers: "user", hint: { app: 1, user: 1, state: 1, createdAt: -1, inviteId: -1 } },
  refused_message: { collection: "refused_messages", hers: "sender.userId", hint: REFUSED_OF_USER },
  membership_rule: { collection: "rule_members", hers: "user", hint: { app: 1, user: 1 } },
  // What was sent, or dropped, is not in the row any more.
  message_scheduled: { collection: "scheduled_messages", hers: "messages.sender.userId", hint: "messages" },
} as const;

/** Conversations that one page of sent messages looks through at most. */
const LOOKED_THROUGH = 20;
/** Behind every message of a conversation. */
const END = Number.MAX_SAFE_INTEGER;
const Place = z.tuple([z.string(), z.coerce.number().int()]);

export function mongoUserRecordsStore(db: Db): UserRecordsStore {
  const messages = db.collection<MessageRow>("messages");
  const memberships = db.collection<Keyed>("memberships");

  /** Conversation by conversation, in the order of their positions: what she said, whatever she sees of it now. */
  async function sentPage(app: string, userId: string, after: string | null, limit: number): Promise<RowPage> {
    const [from, behind] = after === null ? ["", 0] : Place.parse(after.split("/"));
    const range = { $gte: membershipKey(app, userId, from), $lt: membershipKey(app, userId, "g") };
    const found = await memberships
      .find({ app, user: userId, _id: range } as Filter<Keyed>, { hint: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(LOOKED_THROUGH)
      .toArray();
    const rows: MessageRow[] = [];
    for (const { conversation } of found.map((row) => Conversation.parse(row))) {
      const position = { $gt: conversation === from ? behind : 0 };
      const sent = { app, conversation, position, "sender.userId": userId, deletedAt: { $exists: false } };
      const some = await messages
        .find(sent as Filter<MessageRow>, { hint: messageIndex.positions })
        .sort({ position: 1 })
        .limit(limit - rows.length)
        .toArray();
      rows.push(...some);
      const last = rows.at(-1);
      if (rows.length === limit && last) return { rows, next: `${last.conversation}/${last.position}` };
    }
    const last = found.at(-1);
    const isMore = found.length === LOOKED_THROUGH && last !== undefined;
    return { rows, next: isMore ? `${Conversation.parse(last).conversation}/${END}` : null };
  }

  return {
    async page(app, userId, kind, after, limit) {
      if (kind === "message_sent") return sentPage(app, userId, after, limit);
      const { collection, hers, hint } = KINDS[kind];
      // Ids of conversations are hexadecimal, so her memberships stand together in the order of their keys.
      const from = after ?? (kind === "membership" ? membershipKey(app, userId, "") : "");
      const upTo = kind === "membership" ? { $lt: membershipKey(app, userId, "g") } : {};
      const filter: Filter<Keyed> = { app, [hers]: userId, _id: { $gt: from, ...upTo } };
      const rows = await db
        .collection<Keyed>(collection)
        .find(filter, { hint })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return { rows, next: rows.length < limit ? null : Key.parse(rows.at(-1))._id };
    },
  };
}
