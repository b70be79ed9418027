import { MAX_LIVE_TOKENS, Millis } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db, Filter } from "mongodb";
import { z } from "zod";
import { KnownToken } from "../domain/token.ts";

/** Another token in its place: which command made it, and until when this one was to live before that. */
const Replacement = z.object({ tokenId: z.string(), by: z.string(), expiresAt: Millis.nullable() });
type Replacement = z.infer<typeof Replacement>;

/** A token as stored: by hash only, its text is nowhere. `by` is the command that made it. */
const TokenRow = KnownToken.extend({
  _id: z.string(),
  by: z.string(),
  /** The command that ended it; rows from before have none. */
  revokedBy: z.string().nullish(),
  replacement: Replacement.optional(),
});
type TokenRow = z.infer<typeof TokenRow>;

interface StoredToken {
  readonly token: KnownToken;
  readonly by: string;
}

interface RevokedToken {
  readonly token: KnownToken;
  /** The command that ended it. */
  readonly by: string | null;
}

interface ReplacedToken {
  readonly token: KnownToken;
  readonly replacement: Replacement | null;
}

type Holder = Pick<KnownToken, "accountId" | "appId" | "memberId">;

interface TokenUse {
  readonly accountId: string;
  readonly tokenId: string;
  readonly at: number;
}

interface Administering {
  /** The members who are owners. */
  readonly memberIds: readonly string[];
  /** Tokens that do not count. */
  readonly except: readonly string[];
}

export interface TokenStore {
  /** Inserts the token, or answers the one that has its id already; null when another token has its hash. */
  insertOrFind(token: KnownToken, by: string): Promise<StoredToken | null>;
  find(accountId: string, tokenId: string): Promise<(StoredToken & ReplacedToken) | null>;
  findByHash(hash: string): Promise<KnownToken | null>;
  /**
   * The tokens of an app, of the account itself (null) with its members', or of all (undefined): those that live at `at`
   * first, each the newest first. All that live, and the latest of those that have ended.
   */
  list(accountId: string, appId: string | null | undefined, at: number): Promise<readonly KnownToken[]>;
  /** How many tokens of an app, of the account itself, or of a member of it live at `at`. */
  countLive(holder: Holder, at: number): Promise<number>;
  /** All of an app's. */
  listOfApp(accountId: string, appId: string): Promise<readonly KnownToken[]>;
  /** Ends the token at `at`, unless it has ended before; null when the account has no such token. */
  revoke(accountId: string, tokenId: string, at: number, by: string): Promise<RevokedToken | null>;
  /**
   * Lets the token end at `endsAt`, if it would live longer, and remembers what comes in its place; leaves one as it is that
   * has ended by `at` or been replaced. null when the account has no such token.
   */
  replace(
    token: { readonly accountId: string; readonly tokenId: string },
    replacement: Omit<Replacement, "expiresAt">,
    times: { readonly at: number; readonly endsAt: number },
  ): Promise<ReplacedToken | null>;
  /** The tokens of a member that are not over by `at`, each in another version: what they grant follows from what she is. */
  touchOfMember(accountId: string, memberId: string, at: number): Promise<readonly KnownToken[]>;
  /** Whether a token administers the account at `at` that is nobody's in particular, or one of these members'. */
  hasAdmin(accountId: string, at: number, which: Administering): Promise<boolean>;
  /** Keeps the latest use of each. */
  recordUses(uses: readonly TokenUse[]): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** As many as may live at once, those included that others were made in the place of; so a list is whole. */
const MAX_LISTED = 2 * MAX_LIVE_TOKENS;

/** Under its account, so that no account learns of, or stands in the way of, another's ids. */
const tokenKey = (accountId: string, tokenId: string): string => `${accountId}/${tokenId}`;

const goesOnAt = (at: number) => ({ $or: [{ expiresAt: null }, { expiresAt: { $gt: at } }] });
const isLiveAt = (at: number) => ({ revokedAt: null, ...goesOnAt(at) });
const isOverAt = (at: number) => ({ $or: [{ revokedAt: { $gt: 0 } }, { expiresAt: { $lte: at } }] });
const OF_NOBODY = { memberId: { $exists: false } } as const;
const isUnrevoked = { $eq: [{ $ifNull: ["$revokedAt", null] }, null] };

function known(row: unknown): KnownToken {
  const { replacement, ...token } = TokenRow.parse(row);
  return KnownToken.parse(replacement === undefined ? token : { ...token, replacedBy: replacement.tokenId });
}

const newestFirst = (rows: readonly TokenRow[]): KnownToken[] =>
  rows.map(known).toSorted((one, other) => other.createdAt - one.createdAt);

export function mongoTokenStore(db: Db): TokenStore {
  const tokens = db.collection<TokenRow>("tokens");

  /** In two questions: those that live are few, whatever lies between them. */
  const listHalves = async (of: Filter<TokenRow>, at: number) => {
    const live = await tokens
      .find({ ...of, ...isLiveAt(at) })
      .sort({ createdAt: -1, _id: -1 })
      .limit(MAX_LISTED)
      .toArray();
    const room = MAX_LISTED - live.length;
    const over = { ...of, ...isOverAt(at) };
    const ended = room > 0 ? await tokens.find(over).sort({ createdAt: -1, _id: -1 }).limit(room).toArray() : [];
    return { live, ended };
  };

  return {
    async insertOrFind(token, by) {
      const _id = tokenKey(token.accountId, token.tokenId);
      try {
        await tokens.insertOne({ _id, ...token, by });
        return { token, by };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const row = await tokens.findOne({ _id });
        return row && { token: known(row), by: TokenRow.parse(row).by };
      }
    },
    async find(accountId, tokenId) {
      const row = await tokens.findOne({ _id: tokenKey(accountId, tokenId) });
      return row && { token: known(row), by: row.by, replacement: row.replacement ?? null };
    },
    async findByHash(hash) {
      const row = await tokens.findOne({ hash });
      return row && known(row);
    },
    async list(accountId, appId, at) {
      const of = appId === undefined ? { accountId } : { accountId, appId };
      const own = await listHalves({ ...of, ...OF_NOBODY }, at);
      // Members' are replaced every month: apart, so that they never displace any other.
      const members = await listHalves({ ...of, memberId: { $gt: "" } }, at);
      return [...newestFirst([...own.live, ...members.live]), ...newestFirst([...own.ended, ...members.ended])];
    },
    async countLive({ accountId, appId, memberId }, at) {
      const holder = memberId === undefined ? OF_NOBODY : { memberId };
      return tokens.countDocuments({ accountId, appId, ...holder, ...isLiveAt(at) });
    },
    async listOfApp(accountId, appId) {
      const rows = await tokens.find({ accountId, appId }).toArray();
      return rows.map(known);
    },
    async revoke(accountId, tokenId, at, by) {
      const row = await tokens.findOneAndUpdate(
        { _id: tokenKey(accountId, tokenId) },
        // Set once: a repeat finds the time of the first and changes nothing.
        [
          {
            $set: {
              revokedAt: { $ifNull: ["$revokedAt", at] },
              revokedBy: { $cond: [isUnrevoked, by, { $ifNull: ["$revokedBy", null] }] },
              version: { $cond: [isUnrevoked, { $add: ["$version", 1] }, "$version"] },
            },
          },
        ],
        { returnDocument: "after" },
      );
      return row && { token: known(row), by: row.revokedBy ?? null };
    },
    async replace({ accountId, tokenId }, { tokenId: newId, by }, { at, endsAt }) {
      const _id = tokenKey(accountId, tokenId);
      const isLonger = { $or: [{ $eq: ["$expiresAt", null] }, { $gt: ["$expiresAt", endsAt] }] };
      const replaced = await tokens.findOneAndUpdate(
        {
          _id,
          revokedAt: null,
          replacement: { $exists: false },
          ...goesOnAt(at),
        },
        [
          {
            $set: {
              replacement: { tokenId: newId, by, expiresAt: "$expiresAt" },
              expiresAt: { $cond: [isLonger, endsAt, "$expiresAt"] },
              version: { $add: ["$version", 1] },
            },
          },
        ],
        { returnDocument: "after" },
      );
      const row = replaced ?? (await tokens.findOne({ _id }));
      return row && { token: known(row), replacement: row.replacement ?? null };
    },
    async touchOfMember(accountId, memberId, at) {
      const hers = { accountId, memberId, ...goesOnAt(at) };
      await tokens.updateMany(hers, { $inc: { version: 1 } });
      const rows = await tokens.find(hers).toArray();
      return rows.map(known);
    },
    async hasAdmin(accountId, at, { memberIds, except }) {
      const isLive = { revokedAt: null, ...goesOnAt(at), tokenId: { $nin: [...except] } };
      const ofNobody = { appId: null, memberId: { $exists: false }, scopes: "account:admin" as const };
      for (const whose of [ofNobody, { memberId: { $in: [...memberIds] } }]) {
        if (await tokens.findOne({ accountId, ...whose, ...isLive }, { projection: { _id: 1 } })) return true;
      }
      return false;
    },
    async recordUses(uses) {
      if (uses.length === 0) return;
      const updates = uses.map(({ accountId, tokenId, at }) => ({
        updateOne: { filter: { _id: tokenKey(accountId, tokenId) }, update: { $max: { lastUsedAt: at } } },
      }));
      await tokens.bulkWrite(updates, { ordered: false });
    },
    async ensureIndexes() {
      await tokens.createIndex({ hash: 1 }, { unique: true });
      await tokens.createIndex({ accountId: 1, appId: 1, createdAt: 1, _id: 1 });
      // Those that were not revoked, without those that were.
      await tokens.createIndex({ accountId: 1, appId: 1, revokedAt: 1, createdAt: 1, _id: 1 });
      // Of the few that are members' alone.
      await tokens.createIndex({ accountId: 1, memberId: 1 }, { partialFilterExpression: { memberId: { $gt: "" } } });
    },
  };
}
