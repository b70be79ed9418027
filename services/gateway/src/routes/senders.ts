import { GetIdentities, type Identity, type Sender } from "@strata/contracts";
import { boundedCache } from "../http/bounded-cache.ts";
import type { Call } from "../http/route.ts";

const MAX_ENTRIES = 10_000;
/** A backend announces thousands of times as the same sender; a new name or picture of hers shows this late. */
const TTL_MS = 5_000;

/** Who announcements are from. */
export interface SenderProfiles {
  /** The identities of those senders who are users, by user id; a sender who is only a name has none. */
  of(call: Call, senders: readonly Sender[]): Promise<ReadonlyMap<string, Identity>>;
}

/** Asks the directory, and remembers for a few seconds whom it found; who is not there may be created at any moment. */
export function senderProfiles(): SenderProfiles {
  const known = boundedCache<Identity>({ maxEntries: MAX_ENTRIES, ttlMs: TTL_MS });
  return {
    async of({ wire, calls }, senders) {
      const keyOf = (userId: string): string => `${wire.appId}/${userId}`;
      const profiles = new Map<string, Identity>();
      const missing: string[] = [];
      for (const userId of new Set(senders.flatMap((sender) => ("userId" in sender ? [sender.userId] : [])))) {
        const identity = known.get(keyOf(userId));
        if (identity) profiles.set(userId, identity);
        else missing.push(userId);
      }
      if (missing.length === 0) return profiles;
      const { identities } = await calls.ask(GetIdentities, { userIds: missing });
      for (const identity of identities) {
        known.set(keyOf(identity.userId), identity);
        profiles.set(identity.userId, identity);
      }
      return profiles;
    },
  };
}

/** null where there is none: the sender is a name, or gone since. */
export const profileOf = (sender: Sender, profiles: ReadonlyMap<string, Identity>): Identity | null =>
  ("userId" in sender ? profiles.get(sender.userId) : undefined) ?? null;
