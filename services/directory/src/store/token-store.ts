import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { KnownToken } from "../domain/token.ts";

/** A token as stored: by hash only, its text is nowhere. `by` is the command that made it. */
const TokenRow = KnownToken.extend({ _id: z.string(), by: z.string() });
type TokenRow = z.infer<typeof TokenRow>;

interface StoredToken {
  readonly token: KnownToken;
  readonly by: string;
}

export interface TokenStore {
  /** Inserts the token, or answers the one that has its id already; null when another token has its hash. */
  insertOrFind(token: KnownToken, by: string): Promise<StoredToken | null>;
  findByHash(hash: string): Promise<KnownToken | null>;
  /** The tokens of an account, oldest first, revoked ones too. */
  list(accountId: string): Promise<readonly KnownToken[]>;
  /** Ends the token at `at`, unless it has ended before; null when the account has no such token. */
  revoke(accountId: string, tokenId: string, at: number): Promise<KnownToken | null>;
  ensureIndexes(): Promise<void>;
}

/** A bound on memory, far above what one account has. */
const MAX_LISTED = 1_000;

/** Under its account, so that no account learns of, or stands in the way of, another's ids. */
const tokenKey = (accountId: string, tokenId: string): string => `${accountId}/${tokenId}`;

export function mongoTokenStore(db: Db): TokenStore {
  const tokens = db.collection<TokenRow>("tokens");
  return {
    async insertOrFind(token, by) {
      const _id = tokenKey(token.accountId, token.tokenId);
      try {
        await tokens.insertOne({ _id, ...token, by });
        return { token, by };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const row = await tokens.findOne({ _id });
        return row && { token: KnownToken.parse(row), by: TokenRow.parse(row).by };
      }
    },
    async findByHash(hash) {
      const row = await tokens.findOne({ hash });
      return row && KnownToken.parse(row);
    },
    async list(accountId) {
      const rows = await tokens.find({ accountId }).sort({ createdAt: 1, _id: 1 }).limit(MAX_LISTED).toArray();
      return rows.map((row) => KnownToken.parse(row));
    },
    async revoke(accountId, tokenId, at) {
      const row = await tokens.findOneAndUpdate(
        { _id: tokenKey(accountId, tokenId) },
        // Set once: a repeat finds the time of the first and changes nothing.
        [{ $set: { revokedAt: { $ifNull: ["$revokedAt", at] }, version: 2 } }],
        { returnDocument: "after" },
      );
      return row && KnownToken.parse(row);
    },
    async ensureIndexes() {
      await tokens.createIndex({ hash: 1 }, { unique: true });
      await tokens.createIndex({ accountId: 1, createdAt: 1, _id: 1 });
    },
  };
}
