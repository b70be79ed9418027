import { IdentityKey, IdentityKeyState, IdentityProvider } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** A provider as stored; `by` is the command that made it, by which a redelivery knows its own row. */
const ProviderRow = IdentityProvider.extend({ _id: z.string(), by: z.string() });
type ProviderRow = z.infer<typeof ProviderRow>;

const KeyRow = IdentityKey.extend({
  _id: z.string(),
  app: z.string(),
  by: z.string(),
  /** The latest changes. They come in no order, so one that comes again must not go over a later one. */
  changedBy: z.array(z.string()),
  /** The same with the state before; rows from before have none. */
  changes: z.array(z.object({ by: z.string(), before: IdentityKeyState })).optional(),
});
type KeyRow = z.infer<typeof KeyRow>;

/** Providers and their keys, under their app: another's can neither be named nor be in the way. */
export interface IdentityProviderStore {
  /** Inserts the provider, or answers the one that has its id in this app already. */
  insertOrFind(
    provider: IdentityProvider,
    by: string,
  ): Promise<{ readonly provider: IdentityProvider; readonly by: string }>;
  exists(app: string, providerId: string): Promise<boolean>;
  /** Oldest first. */
  list(app: string): Promise<readonly IdentityProvider[]>;
  insertOrFindKey(
    app: string,
    key: IdentityKey,
    by: string,
  ): Promise<{ readonly key: IdentityKey; readonly by: string }>;
  findKey(app: string, keyId: string): Promise<IdentityKey | null>;
  /** Oldest first, without deleted ones. */
  listKeys(app: string, providerId: string): Promise<readonly IdentityKey[]>;
  /** Changes a key's state, unless this command has; null when the provider has no such key, or it was deleted before. */
  changeKey(
    key: { readonly app: string; readonly providerId: string; readonly keyId: string },
    state: IdentityKeyState,
    by: string,
  ): Promise<{ readonly key: IdentityKey; readonly before: IdentityKeyState | null } | null>;
  ensureIndexes(): Promise<void>;
}

/** A bound on memory, far above what one app has. */
const MAX_LISTED = 1_000;
/** Far more changes than one that comes again could lie behind. */
const CHANGES_REMEMBERED = 50;

export function mongoIdentityProviderStore(db: Db): IdentityProviderStore {
  const providers = db.collection<ProviderRow>("identity_providers");
  const keys = db.collection<KeyRow>("identity_keys");
  return {
    async insertOrFind(provider, by) {
      const _id = `${provider.appId}/${provider.providerId}`;
      try {
        await providers.insertOne({ _id, ...provider, by });
        return { provider, by };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const row = ProviderRow.parse(await providers.findOne({ _id }));
        return { provider: IdentityProvider.parse(row), by: row.by };
      }
    },
    async exists(app, providerId) {
      return (await providers.findOne({ _id: `${app}/${providerId}` }, { projection: { _id: 1 } })) !== null;
    },
    async list(app) {
      const rows = await providers.find({ appId: app }).sort({ createdAt: 1, _id: 1 }).limit(MAX_LISTED).toArray();
      return rows.map((row) => IdentityProvider.parse(row));
    },
    async insertOrFindKey(app, key, by) {
      const _id = `${app}/${key.keyId}`;
      try {
        await keys.insertOne({ _id, app, ...key, by, changedBy: [] });
        return { key, by };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const row = KeyRow.parse(await keys.findOne({ _id }));
        return { key: IdentityKey.parse(row), by: row.by };
      }
    },
    async findKey(app, keyId) {
      const row = await keys.findOne({ _id: `${app}/${keyId}` });
      return row && IdentityKey.parse(row);
    },
    async listKeys(app, providerId) {
      const filter = { app, providerId, state: { $in: ["enabled" as const, "disabled" as const] } };
      const rows = await keys.find(filter).sort({ createdAt: 1, _id: 1 }).limit(MAX_LISTED).toArray();
      return rows.map((row) => IdentityKey.parse(row));
    },
    async changeKey({ app, providerId, keyId }, state, by) {
      const ofKey = { _id: `${app}/${keyId}`, providerId };
      const changed = await keys.findOneAndUpdate(
        { ...ofKey, state: { $ne: "deleted" }, changedBy: { $ne: by } },
        [
          {
            $set: {
              state,
              changedBy: { $slice: [{ $concatArrays: ["$changedBy", [by]] }, -CHANGES_REMEMBERED] },
              changes: {
                $slice: [
                  { $concatArrays: [{ $ifNull: ["$changes", []] }, [{ by, before: "$state" }]] },
                  -CHANGES_REMEMBERED,
                ],
              },
            },
          },
        ],
        { returnDocument: "after" },
      );
      const row = changed ?? (await keys.findOne({ ...ofKey, changedBy: by }));
      if (row === null) return null;
      return { key: IdentityKey.parse(row), before: row.changes?.find((change) => change.by === by)?.before ?? null };
    },
    async ensureIndexes() {
      await providers.createIndex({ appId: 1, createdAt: 1, _id: 1 });
      await keys.createIndex({ app: 1, providerId: 1, createdAt: 1, _id: 1 });
    },
  };
}
