import type { InviteState } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db, Filter } from "mongodb";
import { inviteKey, InviteRow, type InviteUse, stateAfterUse } from "../domain/invite.ts";

/** A page of a list, from behind one of it. */
interface Page {
  readonly after: InviteRow | null;
  readonly limit: number;
}

/** A list by the clock: what has expired is expired from that moment on, without anybody's doing. */
interface Listed {
  readonly state: InviteState | null;
  readonly now: number;
}

export interface InviteStore {
  /** Inserts an invite, or answers the one that has its id. */
  insertOrFind(row: InviteRow): Promise<InviteRow>;
  find(app: string, inviteId: string): Promise<InviteRow | null>;
  findByCode(app: string, code: string): Promise<InviteRow | null>;
  /** What a user may accept in a conversation; null: nothing. */
  findPending(app: string, conversationId: string, userId: string, now: number): Promise<InviteRow | null>;
  countPending(app: string, conversationId: string, now: number): Promise<number>;
  /** Somebody came by it. Once for each command. */
  use(row: InviteRow, use: InviteUse): Promise<void>;
  /** One that is pending ends so; any other stays as it is. */
  end(row: InviteRow, state: "declined" | "revoked"): Promise<void>;
  /** All of a conversation that are pending end so. */
  endAll(app: string, conversationId: string, state: "revoked" | "expired"): Promise<void>;
  /** Their conversation has opened. Answers those that may be accepted. */
  show(app: string, conversationId: string, now: number): Promise<readonly InviteRow[]>;
  /** Of a conversation, newest first. */
  list(app: string, conversationId: string, listed: Listed, page: Page): Promise<readonly InviteRow[]>;
  count(app: string, conversationId: string, listed: Listed): Promise<number>;
  /** Those that a user may accept, newest first. */
  listFor(app: string, userId: string, now: number, page: Page): Promise<readonly InviteRow[]>;
  countFor(app: string, userId: string, now: number): Promise<number>;
  /** Of a user who was deleted: her invites go, and that she used others, or made any: those stand without her name. */
  forget(app: string, userId: string, at: number): Promise<void>;
  /** Her own, and those that she came by, until she was deleted. */
  countFromBefore(
    app: string,
    userId: string,
    at: number,
  ): Promise<{ readonly invites: number; readonly used: number; readonly made: number }>;
  /** Removes up to `limit` invites of a deleted conversation; answers how many. */
  purge(app: string, conversationId: string, limit: number): Promise<number>;
  ensureIndexes(): Promise<void>;
}

export const INVITES_BY_INVITER = "made-by";

const NEWEST_FIRST = { createdAt: -1, inviteId: -1 } as const;

const isCurrent = (now: number): Filter<InviteRow> => ({ $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] });

/** Which rows are in a list of one state, or of all. */
function ofState({ state, now }: Listed): Filter<InviteRow> {
  if (state === null) return {};
  if (state === "pending") return { state, ...isCurrent(now) };
  if (state === "expired") return { $or: [{ state }, { state: "pending", expiresAt: { $gt: 0, $lte: now } }] };
  return { state };
}

/** Those that a user may accept. */
const acceptable = (app: string, user: string, now: number): Filter<InviteRow> => ({
  app,
  user,
  state: "pending",
  isWaiting: false,
  isUnwanted: false,
  ...isCurrent(now),
});

const pending = (app: string, conversation: string, now: number): Filter<InviteRow> => ({
  app,
  conversation,
  ...ofState({ state: "pending", now }),
});

const behind = (row: InviteRow | null): Filter<InviteRow> =>
  row === null
    ? {}
    : {
        createdAt: { $lte: row.createdAt },
        $or: [{ createdAt: { $lt: row.createdAt } }, { inviteId: { $lt: row.inviteId } }],
      };

export function mongoInviteStore(db: Db): InviteStore {
  const invites = db.collection<InviteRow>("invites");
  const findOne = async (filter: Filter<InviteRow>): Promise<InviteRow | null> => {
    const row = await invites.findOne(filter);
    return row && InviteRow.parse(row);
  };
  const page = async (filter: Filter<InviteRow>, { after, limit }: Page): Promise<readonly InviteRow[]> => {
    const rows = await invites
      .find({ $and: [filter, behind(after)] })
      .sort({ createdAt: -1, inviteId: -1 })
      .limit(limit)
      .toArray();
    return rows.map((row) => InviteRow.parse(row));
  };
  return {
    async insertOrFind(row) {
      try {
        await invites.insertOne({ ...row });
        return row;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const found = await findOne({ _id: row._id });
        if (!found) throw error;
        return found;
      }
    },
    find: (app, inviteId) => findOne({ _id: inviteKey(app, inviteId) }),
    findByCode: (app, code) => findOne({ app, code }),
    findPending: (app, conversation, user, now) =>
      findOne({ app, user, conversation, ...ofState({ state: "pending", now }) }),
    countPending: (app, conversation, now) => invites.countDocuments(pending(app, conversation, now)),
    async use(row, use) {
      await invites.updateOne(
        { _id: row._id, "uses.by": { $ne: use.by } },
        { $push: { uses: use }, $set: { state: stateAfterUse(row) } },
      );
    },
    async end({ _id }, state) {
      await invites.updateOne({ _id, state: "pending" }, { $set: { state } });
    },
    async endAll(app, conversation, state) {
      await invites.updateMany({ app, conversation, state: "pending" }, { $set: { state } });
    },
    async show(app, conversation, now) {
      await invites.updateMany(
        { app, conversation, state: "pending", isWaiting: true },
        { $set: { isWaiting: false } },
      );
      const rows = await invites.find(pending(app, conversation, now)).toArray();
      return rows.map((row) => InviteRow.parse(row));
    },
    list: (app, conversation, listed, wanted) => page({ app, conversation, ...ofState(listed) }, wanted),
    count: (app, conversation, listed) => invites.countDocuments({ app, conversation, ...ofState(listed) }),
    listFor: (app, userId, now, wanted) => page(acceptable(app, userId, now), wanted),
    countFor: (app, userId, now) => invites.countDocuments(acceptable(app, userId, now)),
    async forget(app, user, at) {
      await invites.deleteMany({ app, user, createdAt: { $lte: at } });
      // Rows of an older version say twice who made them.
      const unnamed = { $set: { inviter: null }, $unset: { actor: "" } } as const;
      await invites.updateMany({ app, inviter: user, createdAt: { $lte: at } }, unnamed);
      await invites.updateMany(
        { app, "uses.user": user },
        { $set: { "uses.$[hers].user": null } },
        { arrayFilters: [{ "hers.user": user, "hers.at": { $lte: at } }] },
      );
    },
    async countFromBefore(app, user, at) {
      const [own, made, used] = await Promise.all([
        invites.countDocuments({ app, user, createdAt: { $lte: at } }),
        invites.countDocuments({ app, inviter: user, createdAt: { $lte: at } }),
        invites.countDocuments({ app, "uses.user": user, uses: { $elemMatch: { user, at: { $lte: at } } } }),
      ]);
      return { invites: own, used, made };
    },
    async purge(app, conversation, limit) {
      const rows = await invites.find({ app, conversation }, { projection: { _id: 1 }, limit }).toArray();
      if (rows.length > 0) await invites.deleteMany({ _id: { $in: rows.map(({ _id }) => _id) } });
      return rows.length;
    },
    async ensureIndexes() {
      await invites.createIndex({ app: 1, conversation: 1, state: 1, ...NEWEST_FIRST });
      await invites.createIndex({ app: 1, conversation: 1, ...NEWEST_FIRST });
      await invites.createIndex(
        { app: 1, user: 1, state: 1, ...NEWEST_FIRST },
        { partialFilterExpression: { user: { $gt: "" } } },
      );
      await invites.createIndex(
        { app: 1, inviter: 1 },
        { name: INVITES_BY_INVITER, partialFilterExpression: { inviter: { $gt: "" } } },
      );
      await invites.createIndex({ app: 1, code: 1 }, { unique: true, partialFilterExpression: { code: { $gt: "" } } });
      await invites.createIndex({ app: 1, "uses.user": 1 }, { partialFilterExpression: { "uses.user": { $gt: "" } } });
    },
  };
}
