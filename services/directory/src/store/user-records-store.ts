import type { DeletionCounts, DirectoryRecord, DirectoryRecordKind } from "@strata/contracts";
import type { Db } from "mongodb";
import { z } from "zod";
import { DecisionRow } from "../domain/decision.ts";
import { FlagRow } from "../domain/flag.ts";
import { userKey } from "../domain/user.ts";
import { SessionRow } from "../domain/session.ts";
import {
  decisionRecord,
  flagAgainstRecord,
  flagMadeRecord,
  muteRecord,
  sessionRecord,
} from "../domain/user-records.ts";

type RowKind = Exclude<DirectoryRecordKind, "user_facts">;

interface RecordPage {
  readonly records: readonly DirectoryRecord[];
  /** Where the next page begins; null: that was all. */
  readonly next: string | null;
}

/** Rows about one user, for her export: those of other stores, read the way that nobody else needs. */
export interface UserRecordsStore {
  page(app: string, userId: string, kind: RowKind, after: string | null, limit: number): Promise<RecordPage>;
  /** How many users block her. */
  countBlockers(app: string, userId: string): Promise<number>;
  /** How many rows there are of her, or with her in them, by kind. */
  countAll(app: string, userId: string): Promise<DeletionCounts>;
  /** What the flags against her come to; null: there are none. */
  findScore(app: string, userId: string): Promise<number | null>;
}

const Key = z.object({ _id: z.string() });
const Mute = z.object({ _id: z.string(), until: z.date() });
const Blocked = z.object({ blocked: z.array(z.string()).default([]) });
const Score = z.object({ score: z.number().int() });

/** By key, among the rows that an index finds of her: without the hint, the order could be read off the key of everybody's. */
const KINDS = {
  session: {
    collection: "sessions",
    hers: "userId",
    hint: { app: 1, userId: 1 },
    recordOf: (row: unknown) => sessionRecord(SessionRow.parse(row)),
  },
  flag_made: {
    collection: "flags",
    hers: "by",
    hint: { app: 1, by: 1, createdAt: 1 },
    recordOf: (row: unknown) => flagMadeRecord(FlagRow.parse(row)),
  },
  flag_against: {
    collection: "flags",
    hers: "userId",
    hint: { app: 1, userId: 1, state: 1, createdAt: -1, flagId: -1 },
    recordOf: (row: unknown) => flagAgainstRecord(FlagRow.parse(row)),
  },
  moderation_decision: {
    collection: "moderation_decisions",
    hers: "userId",
    hint: { app: 1, userId: 1, at: -1, decisionId: 1 },
    recordOf: (row: unknown) => decisionRecord(DecisionRow.parse(row)),
  },
  mute: {
    collection: "mutes",
    hers: "userId",
    hint: { app: 1, userId: 1, until: 1 },
    recordOf: (row: unknown) => muteRecord(Mute.parse(row)),
  },
} as const;

export function mongoUserRecordsStore(db: Db): UserRecordsStore {
  return {
    async page(app, userId, kind, after, limit) {
      const { collection, hers, hint, recordOf } = KINDS[kind];
      const behind = after === null ? {} : { _id: { $gt: after } };
      const rows = await db
        .collection<{ _id: string }>(collection)
        .find({ app, [hers]: userId, ...behind }, { hint })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return { records: rows.map(recordOf), next: rows.length < limit ? null : Key.parse(rows.at(-1))._id };
    },
    countBlockers: (app, userId) => db.collection("blocks").countDocuments({ app, blocked: userId }),
    async countAll(app, userId) {
      const count = (collection: string, filter: object) =>
        db.collection(collection).countDocuments({ app, ...filter });
      const list = await db.collection<{ _id: string }>("blocks").findOne({ _id: userKey(app, userId) });
      return {
        blocks: Blocked.parse(list ?? {}).blocked.length,
        blocked_by: await count("blocks", { blocked: userId }),
        followings: await count("followings", { user: userId, isFollowing: true }),
        followers: await count("followings", { followed: userId, isFollowing: true }),
        sessions: await count("sessions", { userId }),
        flags_made: await count("flags", { by: userId }),
        flags_against: await count("flags", { userId }),
        moderation_decisions: await count("moderation_decisions", { userId }),
        mutes: await count("mutes", { userId }),
      };
    },
    async findScore(app, userId) {
      const row = await db.collection("moderated_users").findOne({ app, userId }, { projection: { score: 1 } });
      return row && Score.parse(row).score;
    },
  };
}
