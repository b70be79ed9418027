import type { ListDirectoryRecords, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { factsRecords } from "../domain/user-records.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import type { UserRecordsStore } from "../store/user-records-store.ts";

interface Deps {
  readonly identities: Pick<IdentityStore, "find">;
  readonly userRecords: UserRecordsStore;
}

/** What is kept of a user, for her export; nothing of whoever is not known. */
export const listDirectoryRecords =
  ({
    identities,
    userRecords,
  }: Deps): Handler<PayloadOf<typeof ListDirectoryRecords>, ReplyOf<typeof ListDirectoryRecords>> =>
  async ({ app, payload: { userId, kind, after, limit } }) => {
    if (kind !== "user_facts") {
      const { records, next } = await userRecords.page(app, userId, kind, after, limit);
      return reply({ records: [...records], next });
    }
    const [row, blockedByCount, moderationScore] = await Promise.all([
      identities.find(app, userId),
      userRecords.countBlockers(app, userId),
      userRecords.findScore(app, userId),
    ]);
    const isKnown = row?.userId !== undefined;
    return reply({ records: isKnown ? [...factsRecords(row, { blockedByCount, moderationScore })] : [], next: null });
  };
