import { GetIdentities, type Sender } from "@strata/contracts";
import type { Profile, Profiles } from "@strata/layer-protocol";
import { boundedCache } from "./bounded-cache.ts";
import type { Call } from "./call.ts";

/** A backend announces thousands of times as the same sender, and a page of conversations names the same people. */
const MAX_ENTRIES = 50_000;
/** A new name or picture of a user shows this late. */
const TTL_MS = 5_000;
/** Of one question to the directory. */
const MAX_USERS = 1_000;

/** What is shown of users wherever they are named. */
export interface ProfileCache {
  /** The profiles of those who have an identity, by user id. */
  of(call: Call, userIds: Iterable<string>): Promise<Profiles>;
}

/** Asks the directory, and remembers for a few seconds whom it found; who is not there may be created at any moment. */
export function profileCache(): ProfileCache {
  const known = boundedCache<Profile>({ maxEntries: MAX_ENTRIES, ttlMs: TTL_MS });
  return {
    async of({ wire, calls }, userIds) {
      const keyOf = (userId: string): string => `${wire.appId}/${userId}`;
      const profiles = new Map<string, Profile>();
      const missing: string[] = [];
      for (const userId of new Set(userIds)) {
        const profile = known.get(keyOf(userId));
        if (profile) profiles.set(userId, profile);
        else missing.push(userId);
      }
      for (let start = 0; start < missing.length; start += MAX_USERS) {
        const { identities } = await calls.ask(GetIdentities, { userIds: missing.slice(start, start + MAX_USERS) });
        for (const { userId, displayName, avatarUrl } of identities) {
          known.set(keyOf(userId), { displayName, avatarUrl });
          profiles.set(userId, { displayName, avatarUrl });
        }
      }
      return profiles;
    },
  };
}

/** Those senders who are users; a bare name has no profile. */
export const senderIds = (senders: readonly Sender[]): readonly string[] =>
  senders.flatMap((sender) => ("userId" in sender ? [sender.userId] : []));
