import { Millis, NO_PREFERENCES, PushPreferences } from "@strata/contracts";
import { DomainError, gathering, isDuplicateKey, readRows } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { userKey } from "../domain/device.ts";

/** Categories as a list: a name may be anything, also what MongoDB would take for a path. */
const StoredPreferences = PushPreferences.omit({ categories: true }).extend({
  categories: z.array(z.object({ name: z.string(), isWanted: z.boolean() })),
});

/**
 * What a user wants and whether she is suspended, each with what changed it last, so that what comes late or again changes
 * nothing. Of a user who was forgotten only that is left.
 */
const PreferenceRow = z.object({
  /** `<app>/<partition>/<user, URL-encoded>/` */
  _id: z.string(),
  app: z.string(),
  userId: z.string(),
  preferences: StoredPreferences.optional(),
  changedAt: Millis.default(0),
  changedBy: z.string().default(""),
  isSuspended: z.boolean().default(false),
  /** The version of the user that this is from. */
  suspensionVersion: z.number().int().default(0),
  suspendedAt: Millis.default(0),
  /** Nothing of before counts any more. */
  forgottenAt: Millis.default(0),
});
type PreferenceRow = z.input<typeof PreferenceRow> & { readonly removedAt?: Date };

/** What decides over pushes to one user, of what this service knows itself. */
export interface Wishes {
  readonly preferences: PushPreferences;
  readonly isSuspended: boolean;
}

export interface PreferenceStore {
  /** Of users of one app, up to 1,000; who never said anything and was never suspended is left out. */
  find(app: string, userIds: readonly string[]): Promise<ReadonlyMap<string, Wishes>>;
  /**
   * Changes what a user wants by what she wanted before, unless a newer change holds, and answers what holds then; or
   * why not, where `change` answers that.
   */
  change(
    app: string,
    userId: string,
    command: { readonly at: number; readonly by: string },
    change: (before: PushPreferences) => PushPreferences | DomainError,
  ): Promise<PushPreferences | DomainError>;
  /** Remembers whether a user is suspended, unless a later version of her said so. */
  suspend(
    app: string,
    userId: string,
    fact: { readonly isSuspended: boolean; readonly version: number; readonly at: number },
  ): Promise<void>;
  /** Removes what a user wanted until `at`, and keeps it from coming back. Bears being repeated. */
  forget(app: string, userId: string, at: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

const USERS_PER_QUERY = 1_000;
const QUERIES = 3;
/** Somebody else changed her row meanwhile. */
const ATTEMPTS = 10;
/** Far longer than anybody waits before sending a dead-lettered command again. */
const REMOVED_KEPT_SECONDS = 90 * 86_400;
const FIELDS = { app: 1, userId: 1, preferences: 1, isSuspended: 1 } as const;

interface Question {
  readonly app: string;
  readonly userIds: readonly string[];
}

export function mongoPreferenceStore(db: Db): PreferenceStore {
  const rows = db.collection<PreferenceRow>("preferences");

  // Most announcements have one recipient, and many of them arrive together.
  const find = gathering<Question, ReadonlyMap<string, Wishes>>({
    concurrency: QUERIES,
    maxWeight: USERS_PER_QUERY,
    weightOf: ({ userIds }) => userIds.length,
    async work(questions) {
      const keys = new Set(questions.flatMap(({ app, userIds }) => userIds.map((userId) => userKey(app, userId))));
      const found = await readRows(db, {
        find: rows.collectionName,
        filter: { _id: { $in: [...keys] } },
        projection: FIELDS,
        batchSize: keys.size + 1,
      });
      const byApp = Map.groupBy(
        found.map((row) => PreferenceRow.parse(row)),
        ({ app }) => app,
      );
      return questions.map(({ app, userIds }) => {
        const asked = new Set(userIds);
        const own = (byApp.get(app) ?? []).filter(({ userId }) => asked.has(userId));
        return new Map(own.map((row) => [row.userId, wishesOf(row)]));
      });
    },
  });

  /** False: the row is there, and is not as the filter has it. */
  const write = async (filter: object, update: object | object[]): Promise<boolean> => {
    try {
      const { matchedCount, upsertedCount } = await rows.updateOne(filter, update, { upsert: true });
      return matchedCount + upsertedCount === 1;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return false;
    }
  };

  return {
    find: (app, userIds) => find({ app, userIds }),
    async change(app, userId, { at, by }, change) {
      const _id = userKey(app, userId);
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const found = await rows.findOne({ _id });
        const row = PreferenceRow.parse(found ?? { _id, app, userId });
        const before = wishesOf(row).preferences;
        if (at <= row.forgottenAt || !isNewer({ at, by }, row)) return before;
        const after = change(before);
        if (after instanceof DomainError) return after;
        // By then it is not another's change that this one was not made from.
        const unchanged = found
          ? { changedAt: found.changedAt ?? { $exists: false }, changedBy: found.changedBy ?? { $exists: false } }
          : { changedAt: { $exists: false } };
        const preferences = storedOf(after);
        const isDone = await write(
          { _id, ...unchanged, forgottenAt: { $not: { $gte: at } } },
          { $set: { app, userId, preferences, changedAt: at, changedBy: by }, $unset: { removedAt: "" } },
        );
        if (isDone) return after;
      }
      throw new Error(`what the user ${_id} wants is changed by others all the time`);
    },
    async suspend(app, userId, { isSuspended, version, at }) {
      await write(
        {
          _id: userKey(app, userId),
          suspensionVersion: { $not: { $gt: version } },
          forgottenAt: { $not: { $gte: at } },
        },
        { $set: { app, userId, isSuspended, suspensionVersion: version, suspendedAt: at }, $unset: { removedAt: "" } },
      );
    },
    async forget(app, userId, at) {
      const isOver = (field: string) => ({ $lte: [{ $ifNull: [field, 0] }, at] });
      await rows.updateOne(
        { _id: userKey(app, userId) },
        [
          {
            $set: {
              app,
              userId: { $literal: userId },
              forgottenAt: { $max: ["$forgottenAt", at] },
              preferences: { $cond: [isOver("$changedAt"), "$$REMOVE", "$preferences"] },
              isSuspended: { $cond: [isOver("$suspendedAt"), false, "$isSuspended"] },
            },
          },
          {
            $set: {
              removedAt: {
                $cond: [{ $or: ["$isSuspended", { $gt: ["$preferences", null] }] }, "$$REMOVE", new Date()],
              },
            },
          },
        ],
        { upsert: true },
      );
    },
    async ensureIndexes() {
      await rows.createIndex({ removedAt: 1 }, { expireAfterSeconds: REMOVED_KEPT_SECONDS });
    },
  };
}

const isNewer = (
  { at, by }: { readonly at: number; readonly by: string },
  { changedAt, changedBy }: { readonly changedAt: number; readonly changedBy: string },
): boolean => at > changedAt || (at === changedAt && by > changedBy);

const storedOf = ({ categories, ...preferences }: PushPreferences): z.infer<typeof StoredPreferences> => ({
  ...preferences,
  categories: Object.entries(categories).map(([name, isWanted]) => ({ name, isWanted })),
});

function wishesOf({ preferences, isSuspended }: z.output<typeof PreferenceRow>): Wishes {
  if (preferences === undefined) return { preferences: NO_PREFERENCES, isSuspended };
  const categories = Object.fromEntries(preferences.categories.map(({ name, isWanted }) => [name, isWanted]));
  return { preferences: { ...preferences, categories }, isSuspended };
}
