import { UserId } from "@strata/contracts";
import { isDuplicateKey, readRows } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import type { Block, BlockCheck, BlockedUsers } from "../domain/blocks.ts";
import { userKey } from "../domain/user.ts";

/** Whom one user blocks: one document, so that order, version and last command are written at once. */
const BlockList = z.object({
  _id: z.string(),
  app: z.string(),
  owner: UserId,
  /** The first blocked first. */
  blocked: z.array(UserId),
  /** Absent in lists of before reasons were kept: all of them are there because she wants it. */
  reasons: z.array(z.object({ userId: UserId, by: z.array(z.string()) })).default([]),
  version: z.number().int(),
  by: z.string().optional(),
});
type BlockList = z.infer<typeof BlockList>;

export type Blocks = Pick<BlockList, "blocked" | "reasons" | "version" | "by">;

export interface BlockStore {
  find(app: string, owner: string): Promise<Blocks>;
  /** Writes the list upon the version it was read at; throws when it has another by now. */
  replace(app: string, owner: string, before: Blocks, after: BlockedUsers, by: string): Promise<Blocks>;
  /** All blocks between a sender and a user of these questions, and perhaps others among the same people. */
  among(app: string, checks: readonly BlockCheck[]): Promise<readonly Block[]>;
  /** Empties a user's list, and takes her out of everybody else's. */
  forget(app: string, userId: string): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** How many users one query asks about, senders and owners each: what keeps it far below the longest command there is. */
const ASKED_AT_ONCE = 5_000;

const Found = z.array(z.object({ owner: UserId, blocked: z.array(UserId) }));

export function mongoBlockStore(db: Db): BlockStore {
  const blocks = db.collection<BlockList>("blocks");

  const between = async (app: string, senders: ReadonlySet<string>, owners: ReadonlySet<string>) => {
    const asked = [...senders];
    // An index walk over those who do block one of the senders, mostly nobody; only of those is a list looked at.
    const found = await readRows(db, {
      aggregate: blocks.collectionName,
      pipeline: [
        { $match: { app, blocked: { $in: asked }, owner: { $in: [...owners] } } },
        {
          $project: {
            _id: 0,
            owner: 1,
            blocked: { $filter: { input: "$blocked", cond: { $in: ["$$this", { $literal: asked }] } } },
          },
        },
      ],
      cursor: { batchSize: ASKED_AT_ONCE },
    });
    return Found.parse(found).flatMap(({ owner, blocked }) => blocked.map((userId) => ({ owner, blocked: userId })));
  };

  return {
    async find(app, owner) {
      const list = await blocks.findOne({ _id: userKey(app, owner) });
      return list ? BlockList.parse(list) : { blocked: [], reasons: [], version: 0 };
    },
    async replace(app, owner, before, { blocked, reasons }, by) {
      const list = BlockList.omit({ _id: true }).parse({
        app,
        owner,
        blocked,
        reasons,
        version: before.version + 1,
        by,
      });
      const _id = userKey(app, owner);
      try {
        // With version 0 there is none, and an upsert makes it.
        const upsert = before.version === 0;
        const { matchedCount, upsertedCount } = await blocks.replaceOne({ _id, version: before.version }, list, {
          upsert,
        });
        if (matchedCount + upsertedCount === 1) return list;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
      throw new Error(`the list was changed by somebody else after it was read at version ${before.version}`);
    },
    async among(app, checks) {
      const found: Block[] = [];
      for (const { senders, owners } of slicesOf(checks)) {
        if (owners.size > 0) found.push(...(await between(app, senders, owners)));
      }
      return found;
    },
    async forget(app, userId) {
      const emptied = { $set: { blocked: [], reasons: [] }, $inc: { version: 1 }, $unset: { by: true as const } };
      await blocks.updateOne({ _id: userKey(app, userId), blocked: { $ne: [] } }, emptied);
      const without = { $pull: { blocked: userId, reasons: { userId } }, $inc: { version: 1 } };
      await blocks.updateMany({ app, blocked: userId }, without);
    },
    async ensureIndexes() {
      await blocks.createIndex({ app: 1, blocked: 1, owner: 1 });
    },
  };
}

interface Slice {
  readonly senders: Set<string>;
  readonly owners: Set<string>;
}

/** As many questions at once as one query takes; mostly all of them. */
function* slicesOf(checks: readonly BlockCheck[]): Generator<Slice> {
  let slice: Slice = { senders: new Set(), owners: new Set() };
  for (const { senderId, userIds } of checks) {
    slice.senders.add(senderId);
    for (const userId of userIds) slice.owners.add(userId);
    if (slice.owners.size < ASKED_AT_ONCE) continue;
    yield slice;
    slice = { senders: new Set(), owners: new Set() };
  }
  if (slice.senders.size > 0) yield slice;
}
