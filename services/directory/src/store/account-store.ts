import type { Db } from "mongodb";

/** Who owns apps. */
interface AccountRow {
  readonly _id: string;
  readonly name: string;
  readonly createdAt: number;
}

export interface AccountStore {
  /** Inserts the account where there is none of this id; an existing one stays as it is. */
  ensure(account: AccountRow): Promise<void>;
  exists(accountId: string): Promise<boolean>;
}

export function mongoAccountStore(db: Db): AccountStore {
  const accounts = db.collection<AccountRow>("accounts");
  return {
    async ensure({ _id, ...fields }) {
      await accounts.updateOne({ _id }, { $setOnInsert: fields }, { upsert: true });
    },
    async exists(accountId) {
      return (await accounts.findOne({ _id: accountId }, { projection: { _id: 1 } })) !== null;
    },
  };
}
