import {
  type AudienceFilter,
  compareUserIds,
  FindTimeZones,
  FindUnknownUsers,
  FindUsersKnownBefore,
  MatchesAudience,
  MatchUsers,
  partitionOf,
} from "@strata/contracts";
import type { Client } from "@strata/messaging";

/** The users of one app as the directory answers for them: of filters it understands `user_id` `startsWith`. */
export interface Crowd extends Pick<Client, "ask"> {
  /** Since when each of them is known. */
  readonly users: Map<string, number>;
  /** Where their clocks are; who is not in it has no known time zone. */
  readonly timeZones: Map<string, string>;
}

const matches = (filter: AudienceFilter | null, userId: string): boolean =>
  filter === null || ("startsWith" in filter && userId.startsWith(filter.startsWith));

export function aCrowd(): Crowd {
  const users = new Map<string, number>();
  const timeZones = new Map<string, string>();
  const zonesOf = (userIds: readonly string[]) => userIds.map((userId) => timeZones.get(userId) ?? null);
  return {
    users,
    timeZones,
    async ask(query, _app, asked) {
      const answer = (): unknown => {
        switch (query.type) {
          case MatchUsers.type: {
            const { filter, partition, after, createdBefore, limit } = MatchUsers.payload.parse(asked);
            const all = [...users]
              .filter(([userId, since]) => partitionOf(userId) === partition && since <= createdBefore)
              .map(([userId]) => userId)
              .filter((userId) => matches(filter, userId) && (after === null || compareUserIds(userId, after) > 0))
              .toSorted(compareUserIds);
            const userIds = all.slice(0, limit);
            return { userIds, timeZones: zonesOf(userIds), next: all.length > limit ? userIds.at(-1) : null };
          }
          case FindTimeZones.type:
            return { timeZones: zonesOf(FindTimeZones.payload.parse(asked).userIds) };
          case MatchesAudience.type: {
            const { filter, userId } = MatchesAudience.payload.parse(asked);
            return { matches: users.has(userId) && matches(filter, userId) };
          }
          case FindUsersKnownBefore.type: {
            const { userIds, before, filter = null } = FindUsersKnownBefore.payload.parse(asked);
            const isKnown = (userId: string): boolean => (users.get(userId) ?? Infinity) <= before;
            return { userIds: userIds.filter((userId) => isKnown(userId) && matches(filter, userId)) };
          }
          default: {
            const { userIds } = FindUnknownUsers.payload.parse(asked);
            return { unknown: userIds.filter((userId) => userId === "nobody") };
          }
        }
      };
      return query.reply.parse(answer());
    },
  };
}

/** So many user ids of one partition, ascending. */
export function usersOf(partition: number, count: number, prefix = "user"): readonly string[] {
  const found: string[] = [];
  for (let n = 0; found.length < count; n += 1) {
    const userId = `${prefix}-${String(n).padStart(8, "0")}`;
    if (partitionOf(userId) === partition) found.push(userId);
  }
  return found;
}
