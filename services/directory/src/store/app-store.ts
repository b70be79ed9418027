import {
  App,
  type AppEnvironment,
  AppSettings,
  type ClosedState,
  closedState,
  DEFAULT_APP_SETTINGS,
  environmentOf,
} from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db, Filter } from "mongodb";
import { z } from "zod";

/** What a command found where it set something, by the path of that: written with what it set, so that it is exact. */
const Change = z.object({ by: z.string(), before: z.array(z.object({ path: z.string(), value: z.unknown() })) });

/** An app as stored; `by` is the command that made it, by which a redelivery knows its own row. */
const AppRow = App.extend({
  _id: z.string(),
  version: z.number().int(),
  by: z.string(),
  /** What was ever set. */
  settings: AppSettings.partial().default({}),
  /** The latest changes. They come in no order, so one that comes again must not go over a later one. */
  changedBy: z.array(z.string()).default([]),
  /** The same with what was there before; rows from before have none. */
  changes: z.array(Change).default([]),
  purgeLease: z.number().nullish(),
});
type AppDocument = z.input<typeof AppRow>;

export type AppCondition = Filter<AppDocument>;

interface StoredApp {
  readonly app: App;
  readonly version: number;
  readonly by: string;
}

interface StoredSettings {
  readonly settings: AppSettings;
  readonly closed: ClosedState | null;
  readonly environment: AppEnvironment;
  readonly version: number;
}

export interface ChangedApp extends StoredSettings {
  readonly app: App;
  /** What was there where this command set something, by its path; null where nothing was set. */
  readonly before: Readonly<Record<string, unknown>>;
}

export interface AppStore {
  /** Inserts the app, or answers the one that has its id already. */
  insertOrFind(app: App, by: string): Promise<StoredApp>;
  find(appId: string): Promise<App | null>;
  /** The apps of an account, oldest first. */
  list(accountId: string): Promise<readonly App[]>;
  findSettings(appId: string): Promise<StoredSettings | null>;
  /**
   * Sets what is named by its path (`name`, `settings.maxParticipants`), unless this command has. null when there is no such
   * app, it is not the account's, or it is none of which `condition` is true.
   */
  change(
    owner: { readonly appId: string; readonly accountId: string | null },
    set: Readonly<Record<string, unknown>>,
    by: string,
    condition?: AppCondition,
  ): Promise<ChangedApp | null>;
  /** Takes the deleted app whose grace has been over longest, so that nobody else has it for the length of a lease. */
  claimPurge(now: number, leaseMs: number): Promise<App | null>;
  /** It is gone for good. Its version then. */
  purged(appId: string, now: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** A bound on memory, far above what one account has. */
const MAX_LISTED = 1_000;
/** Far more changes than one that comes again could lie behind. */
const CHANGES_REMEMBERED = 50;

const remembering = (field: string, entry: unknown) => ({
  $slice: [{ $concatArrays: [{ $ifNull: [`$${field}`, []] }, [entry]] }, -CHANGES_REMEMBERED],
});

export function mongoAppStore(db: Db): AppStore {
  const apps = db.collection<AppDocument>("apps");
  return {
    async insertOrFind(app, by) {
      try {
        await apps.insertOne({ _id: app.appId, ...app, version: 1, by });
        return { app, version: 1, by };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const stored = AppRow.parse(await apps.findOne({ _id: app.appId }));
        return { app: App.parse(stored), version: stored.version, by: stored.by };
      }
    },
    async find(appId) {
      const row = await apps.findOne({ _id: appId });
      return row && App.parse(row);
    },
    async list(accountId) {
      const rows = await apps
        .find({ accountId, purgedAt: null })
        .sort({ createdAt: 1, _id: 1 })
        .limit(MAX_LISTED)
        .toArray();
      return rows.map((row) => App.parse(row));
    },
    async findSettings(appId) {
      const row = await apps.findOne({ _id: appId });
      return row && settingsOf(row);
    },
    async change({ appId, accountId }, set, by, condition = {}) {
      const ofApp = { _id: appId, ...(accountId === null ? {} : { accountId }) };
      const named = Object.entries(set).filter(([, value]) => value !== undefined);
      const before = named.map(([path]) => ({ path, value: { $ifNull: [`$${path}`, null] } }));
      const changed = await apps.findOneAndUpdate(
        { ...ofApp, ...condition, changedBy: { $ne: by } },
        [
          {
            $set: {
              changedBy: remembering("changedBy", by),
              changes: remembering("changes", { by, before }),
              version: { $add: ["$version", 1] },
            },
          },
          { $set: Object.fromEntries(named.map(([path, value]) => [path, { $literal: value }])) },
        ].filter((stage) => Object.keys(stage.$set).length > 0),
        { returnDocument: "after" },
      );
      const row = changed ?? (await apps.findOne({ ...ofApp, changedBy: by }));
      if (row === null) return null;
      const found = AppRow.parse(row).changes.find((change) => change.by === by)?.before ?? [];
      return {
        ...settingsOf(row),
        app: App.parse(row),
        before: Object.fromEntries(found.map(({ path, value }) => [path, value])),
      };
    },
    async claimPurge(now, leaseMs) {
      const row = await apps.findOneAndUpdate(
        { purgeAt: { $lte: now }, purgedAt: null, $or: [{ purgeLease: null }, { purgeLease: { $lte: now } }] },
        { $set: { purgeLease: now + leaseMs } },
        { sort: { purgeAt: 1 }, returnDocument: "after" },
      );
      return row && App.parse(row);
    },
    async purged(appId, now) {
      await apps.updateOne({ _id: appId, purgedAt: null }, { $set: { purgedAt: now }, $inc: { version: 1 } });
    },
    async ensureIndexes() {
      // Of the few that are deleted alone.
      await apps.createIndex({ purgeAt: 1 }, { partialFilterExpression: { purgeAt: { $type: "number" } } });
      await apps.createIndex({ accountId: 1, createdAt: 1, _id: 1 });
    },
  };
}

function settingsOf(row: AppDocument): StoredSettings {
  const { settings, version } = AppRow.parse(row);
  return {
    settings: AppSettings.parse({ ...DEFAULT_APP_SETTINGS, ...settings }),
    version,
    closed: closedState(row),
    environment: environmentOf(row),
  };
}
