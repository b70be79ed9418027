import { App, AppSettings, type ChangeAppSettings, DEFAULT_APP_SETTINGS, type PayloadOf } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** An app as stored; `by` is the command that made it, by which a redelivery knows its own row. */
const AppRow = App.extend({
  _id: z.string(),
  version: z.number().int(),
  by: z.string(),
  /** What was ever set. */
  settings: AppSettings.partial().default({}),
  /** The latest changes of settings. They come in no order, so one that comes again must not go over a later one. */
  changedBy: z.array(z.string()).default([]),
});
type AppDocument = z.input<typeof AppRow>;

interface StoredApp {
  readonly app: App;
  readonly version: number;
  readonly by: string;
}

interface StoredSettings {
  readonly settings: AppSettings;
  readonly version: number;
}

export interface AppStore {
  /** Inserts the app, or answers the one that has its id already. */
  insertOrFind(app: App, by: string): Promise<StoredApp>;
  find(appId: string): Promise<App | null>;
  /** The apps of an account, oldest first. */
  list(accountId: string): Promise<readonly App[]>;
  findSettings(appId: string): Promise<StoredSettings | null>;
  /** Sets these settings, unless this command has; null when there is no such app, or it is not the account's. */
  changeSettings(
    owner: { readonly appId: string; readonly accountId: string | null },
    settings: PayloadOf<typeof ChangeAppSettings>["settings"],
    by: string,
  ): Promise<StoredSettings | null>;
  ensureIndexes(): Promise<void>;
}

/** A bound on memory, far above what one account has. */
const MAX_LISTED = 1_000;
/** Far more changes than one that comes again could lie behind. */
const CHANGES_REMEMBERED = 50;

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
      const rows = await apps.find({ accountId }).sort({ createdAt: 1, _id: 1 }).limit(MAX_LISTED).toArray();
      return rows.map((row) => App.parse(row));
    },
    async findSettings(appId) {
      const row = await apps.findOne({ _id: appId });
      return row && settingsOf(row);
    },
    async changeSettings({ appId, accountId }, settings, by) {
      const filter = { _id: appId, ...(accountId === null ? {} : { accountId }) };
      const named = Object.entries(settings).filter(([, value]) => value !== undefined);
      const set = Object.fromEntries(named.map(([name, value]) => [`settings.${name}`, value]));
      const changed = await apps.findOneAndUpdate(
        { ...filter, changedBy: { $ne: by } },
        {
          ...(Object.keys(set).length > 0 ? { $set: set } : {}),
          $push: { changedBy: { $each: [by], $slice: -CHANGES_REMEMBERED } },
          $inc: { version: 1 },
        },
        { returnDocument: "after" },
      );
      const row = changed ?? (await apps.findOne(filter));
      return row && settingsOf(row);
    },
    async ensureIndexes() {
      await apps.createIndex({ accountId: 1, createdAt: 1, _id: 1 });
    },
  };
}

function settingsOf(row: AppDocument): StoredSettings {
  const { settings, version } = AppRow.parse(row);
  return { settings: AppSettings.parse({ ...DEFAULT_APP_SETTINGS, ...settings }), version };
}
