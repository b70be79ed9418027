import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { SessionRow } from "../domain/session.ts";

/** A nonce that was used, remembered for as long as it would be taken. */
interface NonceRow {
  readonly _id: string;
  readonly by: string;
  readonly expiresAt: Date;
}

export interface SessionStore {
  /** Inserts the session, or answers the one that has its token already. */
  insertOrFind(session: Omit<SessionRow, "_id">): Promise<SessionRow>;
  find(app: string, hash: string): Promise<SessionRow | null>;
  /** Ends the session at `at`, unless it has ended before; null when there is none. */
  end(app: string, hash: string, at: number): Promise<SessionRow | null>;
  /** Removes all sessions of a user. */
  removeAll(app: string, userId: string): Promise<void>;
  /** Whether the nonce is this command's to use: nobody has used it before, or this very command has. */
  useNonce(app: string, nonce: string, use: { readonly by: string; readonly expiresAt: number }): Promise<boolean>;
  ensureIndexes(): Promise<void>;
}

const sessionKey = (app: string, hash: string): string => `${app}/${hash}`;

export function mongoSessionStore(db: Db): SessionStore {
  const sessions = db.collection<SessionRow>("sessions");
  const nonces = db.collection<NonceRow>("used_nonces");
  return {
    async insertOrFind(session) {
      const _id = sessionKey(session.app, session.hash);
      try {
        await sessions.insertOne({ _id, ...session });
        return { _id, ...session };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return SessionRow.parse(await sessions.findOne({ _id }));
      }
    },
    async find(app, hash) {
      const row = await sessions.findOne({ _id: sessionKey(app, hash) });
      return row && SessionRow.parse(row);
    },
    async end(app, hash, at) {
      const row = await sessions.findOneAndUpdate(
        { _id: sessionKey(app, hash) },
        // Set once: a repeat finds the time of the first and changes nothing.
        [{ $set: { endedAt: { $ifNull: ["$endedAt", at] } } }],
        { returnDocument: "after" },
      );
      return row && SessionRow.parse(row);
    },
    async removeAll(app, userId) {
      await sessions.deleteMany({ app, userId });
    },
    async useNonce(app, nonce, { by, expiresAt }) {
      const _id = `${app}/${nonce}`;
      try {
        await nonces.insertOne({ _id, by, expiresAt: new Date(expiresAt) });
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return (await nonces.findOne({ _id }))?.by === by;
      }
    },
    async ensureIndexes() {
      await sessions.createIndex({ app: 1, userId: 1 });
      await sessions.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 });
      await nonces.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 });
    },
  };
}
