import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { KnownMember, MemberAct, membersAfter } from "../domain/members.ts";

/** An act under the id of its command, by which a redelivery knows its own, and what was there before. */
const DoneAct = z.object({ by: z.string(), act: MemberAct });

/** All members of an account: one document, so that no two acts upon them overlook each other. */
const MembershipRow = z.object({
  _id: z.string(),
  members: z.array(KnownMember),
  /** The latest. */
  acts: z.array(DoneAct),
  /** Of who was removed: nobody becomes a member under an id again that tokens and the audit log know as another's. */
  formerIds: z.array(z.string()),
  /** The latest tokens by which the account was administered that were let end: nobody counts on them, though they may live yet. */
  endingTokens: z.array(z.string()).default([]),
  version: z.number().int(),
});
type MembershipRow = z.infer<typeof MembershipRow>;

export type Memberships = Omit<MembershipRow, "_id">;

export interface MembershipStore {
  /** An account without members has none, at version 0. */
  find(accountId: string): Promise<Memberships>;
  findMember(accountId: string, memberId: string): Promise<KnownMember | null>;
  /** The account in which a code is known, used or not. */
  accountOfCode(codeHash: string): Promise<string | null>;
  /** Writes what an act leaves upon the version that was read; false when there is another by now. */
  apply(accountId: string, read: Memberships, act: MemberAct, by: string): Promise<boolean>;
  /** Writes down, upon the version that was read, that a token is about to end; false when there is another by now. */
  letTokenEnd(accountId: string, read: Memberships, tokenId: string): Promise<boolean>;
  ensureIndexes(): Promise<void>;
}

/** Acts, and tokens that end: far more than one that comes again could lie behind. */
const REMEMBERED = 50;

export function mongoMembershipStore(db: Db): MembershipStore {
  const memberships = db.collection<MembershipRow>("account_members");
  const write = async (accountId: string, read: Memberships, changed: Partial<Memberships>): Promise<boolean> => {
    const row = { ...read, ...changed, version: read.version + 1 };
    try {
      // With version 0 there is none, and an upsert makes it.
      const upsert = read.version === 0;
      const written = await memberships.replaceOne({ _id: accountId, version: read.version }, row, { upsert });
      return written.matchedCount + written.upsertedCount === 1;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return false;
    }
  };
  return {
    async find(accountId) {
      const row = await memberships.findOne({ _id: accountId });
      if (!row) return { members: [], acts: [], formerIds: [], endingTokens: [], version: 0 };
      const { _id, ...found } = MembershipRow.parse(row);
      return found;
    },
    async findMember(accountId, memberId) {
      const row = await memberships.findOne(
        { _id: accountId },
        { projection: { members: { $elemMatch: { memberId } } } },
      );
      return KnownMember.optional().parse(row?.members?.[0]) ?? null;
    },
    async accountOfCode(codeHash) {
      const row = await memberships.findOne({ "members.codeHash": codeHash }, { projection: { _id: 1 } });
      return row?._id ?? null;
    },
    apply: (accountId, read, act, by) =>
      write(accountId, read, {
        members: membersAfter(read.members, act),
        acts: [...read.acts, { by, act }].slice(-REMEMBERED),
        formerIds: act.before && !act.after ? [...read.formerIds, act.before.memberId] : read.formerIds,
      }),
    letTokenEnd: (accountId, read, tokenId) =>
      write(accountId, read, { endingTokens: [...read.endingTokens, tokenId].slice(-REMEMBERED) }),
    async ensureIndexes() {
      await memberships.createIndex({ "members.codeHash": 1 });
    },
  };
}
