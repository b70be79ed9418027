import { basicIdentity, namedIdentity } from "./identities.ts";
import type { BasicIdentity, IdentityFields } from "./identities.ts";
import type { Sender } from "./senders.ts";
import type { WireContext } from "./urls.ts";
import { usesIdentityIds } from "./versions.ts";

/** What of an identity is shown wherever its user is named. */
export type Profile = Pick<IdentityFields, "displayName" | "avatarUrl">;

/** Profiles by user id; who is not there is shown by her ids alone. */
export type Profiles = ReadonlyMap<string, Profile>;

/** A sender as reads show one: 1.x has both members, one of them null; from 2.0 it is an identity (server API 1). */
export const senderView = (wire: WireContext, sender: Sender, profile: Profile | null) =>
  usesIdentityIds(wire.version) ? senderIdentity(wire, sender, profile) : bareSender(sender);

/** A sender as 1.x answers a create: only the member that was given (server API 4.4, 8). */
export const givenSenderView = (wire: WireContext, sender: Sender, profile: Profile | null) =>
  usesIdentityIds(wire.version) ? senderIdentity(wire, sender, profile) : sentSender(sender);

/** Whom `profiles` knows of a sender; null for a bare name, and for who has no identity. */
export const profileOfSender = (sender: Sender, profiles: Profiles): Profile | null =>
  ("userId" in sender ? profiles.get(sender.userId) : undefined) ?? null;

const senderIdentity = (wire: WireContext, sender: Sender, profile: Profile | null): BasicIdentity =>
  "name" in sender ? namedIdentity(sender.name) : basicIdentity(wire, sender.userId, profile);

const bareSender = (sender: Sender) =>
  "name" in sender ? { user_id: null, name: sender.name } : { user_id: sender.userId, name: null };

const sentSender = (sender: Sender) => ("name" in sender ? { name: sender.name } : { user_id: sender.userId });
