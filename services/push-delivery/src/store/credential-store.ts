import { CredentialFacts } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db, Document, Filter } from "mongodb";
import { z } from "zod";
import { Health, type Seen } from "../domain/credential-health.ts";

const CredentialRow = z.object({
  /** `<app>/<credential id>` */
  _id: z.string(),
  app: z.string(),
  credentialId: z.string(),
  kind: z.enum(["fcm", "apns", "webpush"]),
  /** Opened in memory only. */
  sealed: z.string(),
  /** When the command was sent, and which it was: an older one that comes late changes nothing. */
  putAt: z.number().int(),
  by: z.string(),
  /** Rows of an older version have none of what follows. */
  createdAt: z.number().int().optional(),
  expiresAt: z.number().int().nullable().default(null),
  facts: CredentialFacts.nullable().default(null),
  health: Health.nullable().default(null),
});
type CredentialRow = z.infer<typeof CredentialRow>;

/** What a command found where it set or removed a credential: written with what it did, so that it is exact. */
const CredentialChange = z.object({
  by: z.string(),
  before: CredentialRow.pick({ kind: true, facts: true, expiresAt: true }).nullable(),
});
export type CredentialChange = z.infer<typeof CredentialChange>;

export type StoredCredential = Omit<CredentialRow, "_id">;

/** A credential as it is put. */
export type NewCredential = Pick<StoredCredential, "app" | "credentialId" | "kind" | "sealed" | "putAt" | "by"> &
  Partial<Pick<StoredCredential, "expiresAt" | "facts" | "health">>;

/** One credential as it was put at one time: what was seen of it says nothing about one that is put later. */
export type CredentialVersion = Pick<StoredCredential, "app" | "credentialId" | "putAt" | "by">;

/** How many credentials there are of a kind, in a state, and when the first of them ends. */
export interface CredentialCount {
  readonly kind: string;
  readonly state: string;
  readonly n: number;
  readonly soonestExpiry: number | null;
}

export interface CredentialStore {
  /** Sets a credential, unless a newer command has set or removed it. */
  put(credential: NewCredential): Promise<void>;
  /** Removes a credential for good, as far as older commands go. Says whether there was one, removed or not. */
  remove(version: CredentialVersion): Promise<boolean>;
  /** What a command did, also where it was not the last; null: nothing. */
  changeBy(version: Omit<CredentialVersion, "putAt">): Promise<CredentialChange | null>;
  find(app: string, credentialId: string): Promise<StoredCredential | null>;
  /** An app's credentials, newest first. */
  ofApp(app: string): Promise<readonly StoredCredential[]>;
  /**
   * Keeps what was seen of a credential, unless something later is known of it, or it was put again. Says what was known
   * before; null where this changes nothing.
   */
  note(version: CredentialVersion, seen: Seen): Promise<{ readonly before: Health | null } | null>;
  /** Up to `limit` credentials behind `after`, in the order of their keys, whose sealed text does not begin so. */
  notSealedWith(prefix: string, after: Key | null, limit: number): Promise<readonly StoredCredential[]>;
  countNotSealedWith(prefix: string): Promise<number>;
  /** Exchanges a sealed text for another of the same content, unless the row has changed since. */
  reseal(row: StoredCredential, sealed: string, facts: CredentialFacts): Promise<void>;
  /** A credential that ends before a time and was not warned of since another; from now on it was. Null: there is none. */
  claimExpiring(before: number, warnedBefore: number): Promise<StoredCredential | null>;
  countByState(now: number): Promise<readonly CredentialCount[]>;
  ensureIndexes(): Promise<void>;
}

type Row = Document & { readonly _id: string };
type Key = Pick<StoredCredential, "app" | "credentialId">;

/** A bound on open clients, far above the bundles and environments that one app has. */
export const MAX_CREDENTIALS = 100;
/** Longer than any command can be late. */
const REMEMBERED_DAYS = 90;

/** Far more changes of one credential than one that comes again could lie behind. */
const CHANGES_REMEMBERED = 20;

const keyOf = ({ app, credentialId }: Key): string => `${app}/${credentialId}`;
const isThere = { removedAt: null } as const;

/** A row that an older command has set. */
const olderThan = ({ app, credentialId, putAt, by }: CredentialVersion): Filter<Row> => ({
  _id: keyOf({ app, credentialId }),
  $or: [{ putAt: { $lt: putAt } }, { putAt, by: { $lte: by } }],
});

const isPresent = (field: string) => ({ $ne: [{ $type: `$${field}` }, "missing"] });

const orNull = (field: string) => ({ $ifNull: [`$${field}`, null] });

/** The latest changes with this one behind them, whatever the row is now: it goes over to the next. */
const changesWith = (by: string) => {
  const found = { kind: "$kind", facts: orNull("facts"), expiresAt: orNull("expiresAt") };
  const isSet = { $and: [isPresent("kind"), { $not: [isPresent("removedAt")] }] };
  const change = { by: { $literal: by }, before: { $cond: [isSet, found, null] } };
  const known = { $ifNull: ["$changes", []] };
  const isRepeat = { $in: [{ $literal: by }, { $ifNull: ["$changes.by", []] }] };
  return { $cond: [isRepeat, known, { $slice: [{ $concatArrays: [known, [change]] }, -CHANGES_REMEMBERED] }] };
};

const notBeginning = (prefix: string): Filter<Row> => ({
  ...isThere,
  sealed: { $not: new RegExp(`^${prefix.replaceAll(".", String.raw`\.`)}`) },
});

export function mongoCredentialStore(db: Db): CredentialStore {
  const credentials = db.collection<Row>("push_credentials");

  /** Replaces an older row, or makes one. False: there is a newer one, and the upsert tried to make a second. */
  const replaceOlder = async (version: CredentialVersion, row: Document): Promise<boolean> => {
    try {
      await credentials.updateOne(olderThan(version), [{ $replaceWith: row }], { upsert: true });
      return true;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return false;
    }
  };

  return {
    async put(credential) {
      const { putAt } = credential;
      const row = { _id: keyOf(credential), expiresAt: null, facts: null, health: null, ...credential };
      const createdAt = { $cond: [isPresent("removedAt"), putAt, { $ifNull: ["$createdAt", "$putAt", putAt] }] };
      const changes = changesWith(credential.by);
      await replaceOlder(credential, { $mergeObjects: [{ $literal: row }, { createdAt, changes }] });
    },
    async remove(version) {
      const before = await credentials.findOne({ _id: keyOf(version) });
      const wasThere = before !== null && before["wasThere"] !== false;
      const { app, credentialId, putAt, by } = version;
      // Also where there is none: the command that puts it may be on its way still.
      const tombstone = { _id: keyOf(version), app, credentialId, putAt, by, wasThere, removedAt: new Date() };
      await replaceOlder(version, { $mergeObjects: [{ $literal: tombstone }, { changes: changesWith(by) }] });
      return wasThere;
    },
    async changeBy({ by, ...key }) {
      const row = await credentials.findOne({ _id: keyOf(key) }, { projection: { changes: 1 } });
      const changes = z.array(CredentialChange).parse(row?.["changes"] ?? []);
      return changes.find((change) => change.by === by) ?? null;
    },
    async find(app, credentialId) {
      const row = await credentials.findOne({ _id: keyOf({ app, credentialId }), ...isThere });
      return row && CredentialRow.parse(row);
    },
    async ofApp(app) {
      const rows = await credentials
        .find({ app, ...isThere })
        .sort({ putAt: -1, _id: 1 })
        .limit(MAX_CREDENTIALS)
        .toArray();
      return rows.map((row) => CredentialRow.parse(row));
    },
    async note(version, { state, reason, retryAt, at }) {
      const { putAt, by } = version;
      const isNewer = { $or: [{ "health.at": null }, { "health.at": { $lt: at } }] };
      const since = { $cond: [{ $eq: ["$health.state", state] }, "$health.since", at] };
      const health = { $mergeObjects: [{ $literal: { state, reason, retryAt, at } }, { since }] };
      const before = await credentials.findOneAndUpdate(
        { _id: keyOf(version), putAt, by, ...isThere, ...isNewer },
        [{ $set: { health } }],
        { returnDocument: "before" },
      );
      return before && { before: CredentialRow.parse(before).health };
    },
    async notSealedWith(prefix, after, limit) {
      const behind = after === null ? {} : { _id: { $gt: keyOf(after) } };
      const rows = await credentials
        .find({ ...notBeginning(prefix), ...behind })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => CredentialRow.parse(row));
    },
    countNotSealedWith: (prefix) => credentials.countDocuments(notBeginning(prefix)),
    async reseal(row, sealed, facts) {
      await credentials.updateOne({ _id: keyOf(row), sealed: row.sealed }, { $set: { sealed, facts } });
    },
    async claimExpiring(before, warnedBefore) {
      const notWarned = { $or: [{ warnedAt: null }, { warnedAt: { $lt: warnedBefore } }] };
      const row = await credentials.findOneAndUpdate(
        { expiresAt: { $gt: 0, $lt: before }, ...isThere, ...notWarned },
        { $set: { warnedAt: Date.now() } },
        { sort: { expiresAt: 1 } },
      );
      return row && CredentialRow.parse(row);
    },
    async countByState(now) {
      const { state, retryAt } = { state: { $ifNull: ["$health.state", "unused"] }, retryAt: "$health.retryAt" };
      // As in healthAt: a pause that is over is none.
      const isOver = {
        $and: [{ $eq: [state, "paused"] }, { $ne: [{ $type: retryAt }, "null"] }, { $lte: [retryAt, now] }],
      };
      const counts = await credentials
        .aggregate<{ _id: { kind: string; state: string }; n: number; soonestExpiry: number | null }>([
          { $match: isThere },
          {
            $group: {
              _id: { kind: "$kind", state: { $cond: [isOver, "ok", state] } },
              n: { $sum: 1 },
              soonestExpiry: { $min: "$expiresAt" },
            },
          },
        ])
        .toArray();
      return counts.map(({ _id: of, n, soonestExpiry }) => ({ kind: of.kind, state: of.state, n, soonestExpiry }));
    },
    async ensureIndexes() {
      await credentials.createIndex({ app: 1, putAt: -1, _id: 1 });
      await credentials.createIndex({ expiresAt: 1 }, { partialFilterExpression: { expiresAt: { $gt: 0 } } });
      await credentials.createIndex({ removedAt: 1 }, { expireAfterSeconds: REMEMBERED_DAYS * 86_400 });
    },
  };
}
