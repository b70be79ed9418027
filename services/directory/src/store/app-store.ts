import { App } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** An app as stored; `by` is the command that made it, by which a redelivery knows its own row. */
const AppRow = App.extend({ _id: z.string(), version: z.number().int(), by: z.string() });
type AppRow = z.infer<typeof AppRow>;

interface StoredApp {
  readonly app: App;
  readonly version: number;
  readonly by: string;
}

export interface AppStore {
  /** Inserts the app, or answers the one that has its id already. */
  insertOrFind(app: App, by: string): Promise<StoredApp>;
  find(appId: string): Promise<App | null>;
  /** The apps of an account, oldest first. */
  list(accountId: string): Promise<readonly App[]>;
  ensureIndexes(): Promise<void>;
}

/** A bound on memory, far above what one account has. */
const MAX_LISTED = 1_000;

export function mongoAppStore(db: Db): AppStore {
  const apps = db.collection<AppRow>("apps");
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
    async ensureIndexes() {
      await apps.createIndex({ accountId: 1, createdAt: 1, _id: 1 });
    },
  };
}
