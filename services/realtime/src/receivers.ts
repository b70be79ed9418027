import { FindParticipants, ListFollowers } from "@strata/contracts";
import type { Client } from "@strata/messaging";
import type { Told } from "./domain/entries.ts";

/** Of one question to the conversation service. */
const CONVERSATIONS = 500;
const FOLLOWERS = 1_000;
/** A user with more followers is known to all, and a change of her profile is no news to each of them at once. */
const MAX_FOLLOWERS = 10_000;

/** Who shall hear of what was told in one app, each named once. */
export type FindReceivers = (app: string, told: readonly Told[]) => Promise<readonly (readonly string[])[]>;

/** Asks the other services for whoever an event does not name: for a whole group at once. */
export const findReceivers =
  (client: Pick<Client, "ask">): FindReceivers =>
  async (app, told) => {
    const conversationIds = new Set(told.flatMap(({ to }) => to.participantsOf ?? []));
    const [participants, followers] = await Promise.all([
      participantsOf(client, app, [...conversationIds]),
      followersOf(client, app, [...new Set(told.flatMap(({ to }) => to.followersOf ?? []))]),
    ]);
    return told.map(({ to }) => [
      ...new Set([
        ...to.users,
        ...(to.participantsOf === undefined ? [] : (participants.get(to.participantsOf) ?? [])),
        ...(to.followersOf === undefined ? [] : (followers.get(to.followersOf) ?? [])),
      ]),
    ]);
  };

async function participantsOf(client: Pick<Client, "ask">, app: string, conversationIds: readonly string[]) {
  const known = new Map<string, readonly string[]>();
  for (let start = 0; start < conversationIds.length; start += CONVERSATIONS) {
    const asked = conversationIds.slice(start, start + CONVERSATIONS);
    const { found } = await client.ask(FindParticipants, app, { conversationIds: asked });
    for (const { conversationId, participants } of found) known.set(conversationId, participants);
  }
  return known;
}

async function followersOf(client: Pick<Client, "ask">, app: string, userIds: readonly string[]) {
  const known = new Map<string, readonly string[]>();
  for (const userId of userIds) {
    const all: string[] = [];
    for (let after: string | null = null; all.length < MAX_FOLLOWERS;) {
      const { followers }: { followers: string[] } = await client.ask(ListFollowers, app, {
        userId,
        after,
        limit: FOLLOWERS,
      });
      all.push(...followers);
      after = followers.at(-1) ?? null;
      if (followers.length < FOLLOWERS || after === null) break;
    }
    known.set(userId, all);
  }
  return known;
}
