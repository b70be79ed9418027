import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

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
});
type CredentialRow = z.infer<typeof CredentialRow>;

export type StoredCredential = Omit<CredentialRow, "_id">;

export interface CredentialStore {
  /** Sets a credential, unless a newer command has. */
  put(credential: StoredCredential): Promise<void>;
  /** An app's credentials, newest first. */
  ofApp(app: string): Promise<readonly StoredCredential[]>;
  ensureIndexes(): Promise<void>;
}

/** A bound on open clients, far above the bundles and environments that one app has. */
const MAX_CREDENTIALS = 100;

export function mongoCredentialStore(db: Db): CredentialStore {
  const credentials = db.collection<CredentialRow>("push_credentials");
  return {
    async put(credential) {
      const { app, credentialId, putAt, by } = credential;
      const isOlder = [{ putAt: { $lt: putAt } }, { putAt, by: { $lte: by } }];
      try {
        await credentials.replaceOne({ _id: `${app}/${credentialId}`, $or: isOlder }, credential, { upsert: true });
      } catch (error) {
        // The row is there, and newer: the upsert tried to make a second one.
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async ofApp(app) {
      const rows = await credentials.find({ app }).sort({ putAt: -1, _id: 1 }).limit(MAX_CREDENTIALS).toArray();
      return rows.map((row) => CredentialRow.parse(row));
    },
    async ensureIndexes() {
      await credentials.createIndex({ app: 1, putAt: -1, _id: 1 });
    },
  };
}
