import type { Db, Filter } from "mongodb";
import { z } from "zod";
import { banKey, type BanRow } from "../domain/bans.ts";

const StoredBan = z.object({
  _id: z.string(),
  app: z.string(),
  conversation: z.string(),
  userId: z.string(),
  at: z.number(),
  by: z.string().nullable(),
  reason: z.string().nullable(),
  expiresAt: z.number().nullable(),
  /** When it ended: the row goes some time after that. */
  endsAt: z.date().nullable(),
});
type StoredBan = z.infer<typeof StoredBan>;

export const BANS_BY_USER = "imposed-by";

/** Who is banned from which conversation; a ban that has ended by the clock is none. */
export interface BanStore {
  put(row: BanRow): Promise<void>;
  remove(app: string, conversationId: string, userId: string): Promise<void>;
  /** She was deleted then: what was said of her before is forgotten. */
  forget(app: string, conversationId: string, userId: string, at: number): Promise<void>;
  /** The same of bans that she imposed: they stand, and nobody says by whom. */
  forgetImposedBy(app: string, userId: string, at: number): Promise<void>;
  countImposedBy(app: string, userId: string, at: number): Promise<number>;
  find(app: string, conversationId: string, userId: string, now: number): Promise<BanRow | null>;
  /** Those of some users who are banned from a conversation. */
  findBanned(app: string, conversationId: string, userIds: readonly string[], now: number): Promise<readonly string[]>;
  /** By user id, from behind one. */
  listPage(app: string, conversationId: string, page: BanPage): Promise<readonly BanRow[]>;
  count(app: string, conversationId: string, now: number): Promise<number>;
  /** A page of the conversations that she is or was banned from, in the order of their ids. */
  conversationsOf(app: string, userId: string, after: string | null, limit: number): Promise<readonly string[]>;
  /** How many bans of hers there are from before she was deleted. */
  countFromBefore(app: string, userId: string, at: number): Promise<number>;
  /** Whether there is one. */
  hasFromBefore(app: string, userId: string, at: number): Promise<boolean>;
  /** Removes up to `limit` bans of a deleted conversation; answers how many. */
  purge(app: string, conversationId: string, limit: number): Promise<number>;
  ensureIndexes(): Promise<void>;
}

interface BanPage {
  readonly after: string | null;
  readonly limit: number;
  readonly now: number;
}

/** A day, so that clocks of the database and of this service may differ. */
const KEPT_SECONDS = 86_400;

const read = (row: unknown): BanRow => {
  const { endsAt: _, ...ban } = StoredBan.parse(row);
  return ban;
};
const inForce = (now: number) => ({ $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] });
/** All of a conversation, behind one user: "0" is the byte behind "/". */
const ofConversation = (app: string, conversationId: string, after = ""): Filter<StoredBan> => ({
  _id: { $gt: banKey(app, conversationId, after), $lt: `${app}/${conversationId}0` },
});

export function mongoBanStore(db: Db): BanStore {
  const bans = db.collection<StoredBan>("bans");
  return {
    async put({ _id, ...ban }) {
      const endsAt = ban.expiresAt === null ? null : new Date(ban.expiresAt);
      await bans.replaceOne({ _id }, { ...ban, endsAt }, { upsert: true });
    },
    async remove(app, conversationId, userId) {
      await bans.deleteOne({ _id: banKey(app, conversationId, userId) });
    },
    async forget(app, conversationId, userId, at) {
      await bans.deleteOne({ _id: banKey(app, conversationId, userId), at: { $lte: at } });
    },
    async forgetImposedBy(app, by, at) {
      await bans.updateMany({ app, by, at: { $lte: at } }, { $set: { by: null } });
    },
    countImposedBy: (app, by, at) => bans.countDocuments({ app, by, at: { $lte: at } }),
    async find(app, conversationId, userId, now) {
      const row = await bans.findOne({ _id: banKey(app, conversationId, userId), ...inForce(now) });
      return row && read(row);
    },
    async findBanned(app, conversationId, userIds, now) {
      if (userIds.length === 0) return [];
      const keys = userIds.map((userId) => banKey(app, conversationId, userId));
      const rows = await bans
        .find({ _id: { $in: keys }, ...inForce(now) }, { projection: { userId: 1 } })
        .sort({ _id: 1 })
        .toArray();
      return rows.map(({ userId }) => userId);
    },
    async listPage(app, conversationId, { after, limit, now }) {
      const range = ofConversation(app, conversationId, after ?? "");
      const rows = await bans
        .find({ ...range, ...inForce(now) })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return rows.map(read);
    },
    count: (app, conversationId, now) =>
      bans.countDocuments({ ...ofConversation(app, conversationId), ...inForce(now) }),
    async conversationsOf(app, userId, after, limit) {
      const rows = await bans
        .find({ app, userId, conversation: { $gt: after ?? "" } }, { projection: { conversation: 1 } })
        .sort({ conversation: 1 })
        .limit(limit)
        .toArray();
      return rows.map(({ conversation }) => conversation);
    },
    countFromBefore: (app, userId, at) => bans.countDocuments({ app, userId, at: { $lte: at } }),
    async hasFromBefore(app, userId, at) {
      return (await bans.findOne({ app, userId, at: { $lte: at } }, { projection: { _id: 1 } })) !== null;
    },
    async purge(app, conversationId, limit) {
      const rows = await bans
        .find(ofConversation(app, conversationId), { projection: { _id: 1 } })
        .limit(limit)
        .toArray();
      if (rows.length > 0) await bans.deleteMany({ _id: { $in: rows.map(({ _id }) => _id) } });
      return rows.length;
    },
    async ensureIndexes() {
      await bans.createIndex({ app: 1, userId: 1, conversation: 1 }, { name: "user" });
      await bans.createIndex({ app: 1, by: 1 }, { name: BANS_BY_USER, partialFilterExpression: { by: { $gt: "" } } });
      await bans.createIndex({ endsAt: 1 }, { name: "ended", expireAfterSeconds: KEPT_SECONDS });
    },
  };
}
