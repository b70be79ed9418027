import type { ConversationRecordKind } from "@strata/contracts";
import type { Db, Filter } from "mongodb";
import { z } from "zod";
import { membershipKey } from "../domain/membership.ts";
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

/** Without the hint, the order could be read off the key of everybody's. */
const KINDS = {
  membership: { collection: "memberships", hers: "user", hint: { _id: 1 } },
  ban: { collection: "bans", hers: "userId", hint: "user" },
  invite: { collection: "invites", hers: "user", hint: { app: 1, user: 1, state: 1, createdAt: -1, inviteId: -1 } },
  refused_message: { collection: "refused_messages", hers: "sender.userId", hint: REFUSED_OF_USER },
  membership_rule: { collection: "rule_members", hers: "user", hint: { app: 1, user: 1 } },
} as const;

export function mongoUserRecordsStore(db: Db): UserRecordsStore {
  return {
    async page(app, userId, kind, after, limit) {
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
