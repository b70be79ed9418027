import { type Account, MAX_SANDBOX_APPS } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** What holds for an account that signed up by itself. */
const Sandbox = z.object({
  /** The apps that it has or is about to have: counted where they are claimed, so that no two claim the last one. */
  apps: z.array(z.string()),
  liftedAt: z.number().int().nullable(),
  /** The command that lifted it. */
  liftedBy: z.string().optional(),
});

/** Who owns apps. */
const AccountRow = z.object({
  _id: z.string(),
  name: z.string(),
  createdAt: z.number().int(),
  /** What follows is only of accounts that signed up. */
  email: z.string().optional(),
  by: z.string().optional(),
  sandbox: Sandbox.optional(),
});
type AccountRow = z.infer<typeof AccountRow>;

type NewAccount = Required<Pick<AccountRow, "_id" | "name" | "createdAt" | "email">>;

export interface AccountStore {
  /** Inserts the account where there is none of this id; an existing one stays as it is. */
  ensure(account: Pick<AccountRow, "_id" | "name" | "createdAt">): Promise<void>;
  exists(accountId: string): Promise<boolean>;
  /** Inserts a sandbox with its first app, or answers what command made the account that has its id. */
  open(account: NewAccount, appId: string, by: string): Promise<{ readonly by: string | null }>;
  isSandbox(accountId: string): Promise<boolean>;
  /** Counts an app in, once; false when the sandbox has as many as it may. */
  claimApp(accountId: string, appId: string): Promise<boolean>;
  /** The app is gone for good. */
  releaseApp(accountId: string, appId: string): Promise<void>;
  /** Makes a sandbox an account like others, unless it is one; null when it never was a sandbox. */
  lift(accountId: string, at: number, by: string): Promise<{ readonly account: Account; readonly by: string } | null>;
  /** All that ever were sandboxes, the newest first. */
  listSandboxes(): Promise<readonly Account[]>;
  ensureIndexes(): Promise<void>;
}

/** A bound on memory. */
const MAX_LISTED = 1_000;
const signedUp = { "sandbox.apps": { $exists: true } } as const;

export function mongoAccountStore(db: Db): AccountStore {
  const accounts = db.collection<AccountRow>("accounts");
  return {
    async ensure({ _id, ...fields }) {
      await accounts.updateOne({ _id }, { $setOnInsert: fields }, { upsert: true });
    },
    async exists(accountId) {
      return (await accounts.findOne({ _id: accountId }, { projection: { _id: 1 } })) !== null;
    },
    async open(account, appId, by) {
      try {
        await accounts.insertOne({ ...account, by, sandbox: { apps: [appId], liftedAt: null } });
        return { by };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const row = await accounts.findOne({ _id: account._id }, { projection: { by: 1 } });
        return { by: row?.by ?? null };
      }
    },
    async isSandbox(accountId) {
      const open = { _id: accountId, ...signedUp, "sandbox.liftedAt": null };
      return (await accounts.findOne(open, { projection: { _id: 1 } })) !== null;
    },
    async claimApp(accountId, appId) {
      const hasRoom = { [`sandbox.apps.${MAX_SANDBOX_APPS - 1}`]: { $exists: false } };
      const { matchedCount } = await accounts.updateOne(
        { _id: accountId, ...signedUp, $or: [{ "sandbox.apps": appId }, hasRoom] },
        { $addToSet: { "sandbox.apps": appId } },
      );
      return matchedCount === 1;
    },
    async releaseApp(accountId, appId) {
      await accounts.updateOne({ _id: accountId, "sandbox.apps": appId }, { $pull: { "sandbox.apps": appId } });
    },
    async lift(accountId, at, by) {
      await accounts.updateOne(
        { _id: accountId, ...signedUp, "sandbox.liftedAt": null },
        { $set: { "sandbox.liftedAt": at, "sandbox.liftedBy": by } },
      );
      const row = await accounts.findOne({ _id: accountId, ...signedUp });
      return row && { account: accountOf(row), by: row.sandbox?.liftedBy ?? "" };
    },
    async listSandboxes() {
      const rows = await accounts.find(signedUp).sort({ createdAt: -1, _id: -1 }).limit(MAX_LISTED).toArray();
      return rows.map(accountOf);
    },
    async ensureIndexes() {
      await accounts.createIndex({ createdAt: -1, _id: -1 }, { partialFilterExpression: signedUp });
    },
  };
}

function accountOf(row: unknown): Account {
  const { _id: accountId, name, email = null, createdAt, sandbox } = AccountRow.parse(row);
  const liftedAt = sandbox?.liftedAt ?? null;
  return { accountId, name, email, createdAt, isSandbox: sandbox !== undefined && liftedAt === null, liftedAt };
}
