import { AuditEntry, type ListAudit, type PayloadOf } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

const AuditRow = AuditEntry.extend({ _id: z.string() });
type AuditRow = z.infer<typeof AuditRow>;

/** Who did what to an account. It only grows: there is nothing here to change or delete an entry with. */
export interface AuditStore {
  /** Adds the entry, unless its command's is there. */
  append(entry: AuditEntry): Promise<void>;
  /** Newest first; null where `after` is no entry of the account. */
  list(question: PayloadOf<typeof ListAudit>): Promise<readonly AuditEntry[] | null>;
  ensureIndexes(): Promise<void>;
}

const auditKey = (accountId: string, entryId: string): string => `${accountId}/${entryId}`;

export function mongoAuditStore(db: Db): AuditStore {
  const entries = db.collection<AuditRow>("audit");
  return {
    async append(entry) {
      try {
        await entries.insertOne({ _id: auditKey(entry.accountId, entry.entryId), ...entry });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async list({ accountId, appId, actorId, action, from, to, after, limit }) {
      const last = after === null ? null : await entries.findOne({ _id: auditKey(accountId, after) });
      if (after !== null && last === null) return null;
      const at = { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) };
      const rows = await entries
        .find({
          accountId,
          ...(appId === undefined ? {} : { appId }),
          ...(actorId === undefined ? {} : { "actor.id": actorId }),
          ...(action === undefined ? {} : { action }),
          ...(Object.keys(at).length === 0 ? {} : { at }),
          ...(last === null ? {} : { $or: [{ at: { $lt: last.at } }, { at: last.at, _id: { $lt: last._id } }] }),
        })
        .sort({ at: -1, _id: -1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => AuditEntry.parse(row));
    },
    async ensureIndexes() {
      const newestFirst = { at: -1, _id: -1 } as const;
      await entries.createIndex({ accountId: 1, ...newestFirst });
      await entries.createIndex({ accountId: 1, appId: 1, ...newestFirst });
      await entries.createIndex({ accountId: 1, "actor.id": 1, ...newestFirst });
      await entries.createIndex({ accountId: 1, action: 1, ...newestFirst });
    },
  };
}
