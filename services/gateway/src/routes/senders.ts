import { GetIdentities, type Identity, type Sender } from "@strata/contracts";
import type { Calls } from "../http/calls.ts";

/** The identities of those senders who are users, by user id; a sender who is only a name has none. */
export async function senderProfiles(calls: Calls, senders: readonly Sender[]): Promise<ReadonlyMap<string, Identity>> {
  const userIds = new Set(senders.flatMap((sender) => ("userId" in sender ? [sender.userId] : [])));
  if (userIds.size === 0) return new Map();
  const { identities } = await calls.ask(GetIdentities, { userIds: [...userIds] });
  return new Map(identities.map((identity) => [identity.userId, identity]));
}

/** null where there is none: the sender is a name, or gone since. */
export const profileOf = (sender: Sender, profiles: ReadonlyMap<string, Identity>): Identity | null =>
  ("userId" in sender ? profiles.get(sender.userId) : undefined) ?? null;
