import {
  CountUnread,
  CountUnreadOfUsers,
  FindBadgeFacts,
  FindUnknownUsers,
  type InboxKey,
  ListInboxKeys,
  ListInboxKeysOfUsers,
  type ReplyOf,
} from "@strata/contracts";
import type { Client } from "@strata/messaging";

/** What others know of what a user has: announcement-fanout of her inbox, conversation of her messages, directory of her. */
export interface Inboxes {
  /** All of her inbox that came after `since`, newest first, page by page. */
  pages(app: string, userId: string, since: number | null): AsyncIterable<InboxPage>;
  /** One page of it. */
  page(app: string, reader: InboxReader, place: InboxPlace, limit: number): Promise<InboxPage>;
  /** What is in the inboxes of up to 1,000 users, part by part; each user's is in one part only. */
  ofUsers(app: string, userIds: readonly string[]): AsyncIterable<readonly InAnnouncement[]>;
  unreadMessages(app: string, userId: string): Promise<UnreadMessages>;
  /** Of up to 1,000 users; whoever has read all is not in it. */
  unreadMessagesOf(app: string, userIds: readonly string[]): Promise<ReadonlyMap<string, UnreadMessages>>;
  /** How badges count, and what the app itself counts for up to 1,000 users. */
  badgeFacts(app: string, userIds: readonly string[]): Promise<ReplyOf<typeof FindBadgeFacts>>;
}

interface UnreadMessages {
  readonly messages: number;
  readonly conversations: number;
}

/** An announcement, and those in whose inboxes it is. */
export interface InAnnouncement {
  readonly announcementId: string;
  readonly userIds: readonly string[];
}

export interface InboxPage {
  /** Fewer than were asked for are the last. */
  readonly keys: readonly InboxKey[];
  /** What was taken back of anybody's inbox a short while ago: see `ListInboxKeys`. */
  readonly ended: readonly string[];
}

/** Whose inbox it is. */
export interface InboxReader {
  readonly userId: string;
  /** Since when she is known; null: what is for everyone is left out. */
  readonly knownSince: number | null;
}

/** Where in an inbox a page begins and ends. */
export interface InboxPlace {
  /** What it comes behind, whether or not that is still there. */
  readonly behind: InboxKey | null;
  readonly since?: number | null;
  readonly until?: number;
}

const PAGE = 1_000;

/** Asks over the broker. No answer in time is thrown as `service_unavailable` of the service that owes it. */
export function inboxesOver(client: Pick<Client, "ask">): Inboxes {
  const page: Inboxes["page"] = async (app, reader, { since = null, ...place }, limit) => {
    const after = place.behind?.announcementId ?? null;
    const { keys, ended = [] } = await client.ask(ListInboxKeys, app, { ...reader, ...place, since, after, limit });
    return { keys: keys ?? [], ended };
  };
  return {
    page,
    async *pages(app, userId, since) {
      const { knownSince } = await client.ask(FindUnknownUsers, app, { userIds: [userId], withKnownSince: true });
      const reader = { userId, knownSince: knownSince?.[0] ?? null };
      for (let behind: InboxKey | null = null; ;) {
        const found: InboxPage = await page(app, reader, { behind, since }, PAGE);
        yield found;
        const last = found.keys.at(-1);
        if (last === undefined || found.keys.length < PAGE) return;
        behind = last;
      }
    },
    async *ofUsers(app, userIds) {
      const ids = [...userIds];
      const { knownSince = [] } = await client.ask(FindUnknownUsers, app, { userIds: ids, withKnownSince: true });
      let readers = ids.map((userId, n) => ({ userId, since: knownSince[n] ?? null }));
      while (readers.length > 0) {
        const asked = { userIds: readers.map(({ userId }) => userId), knownSince: readers.map(({ since }) => since) };
        const { announcements, left } = await client.ask(ListInboxKeysOfUsers, app, asked);
        const at = (n: number) => asked.userIds[n] ?? [];
        yield announcements.map(({ announcementId, users }) => ({ announcementId, userIds: users.flatMap(at) }));
        readers = left.flatMap((n) => readers[n] ?? []);
      }
    },
    async unreadMessages(app, userId) {
      const { unreadMessages, unreadConversations } = await client.ask(CountUnread, app, { userId });
      return { messages: unreadMessages, conversations: unreadConversations };
    },
    async unreadMessagesOf(app, userIds) {
      const { unread } = await client.ask(CountUnreadOfUsers, app, { userIds: [...userIds] });
      return new Map(unread.map(({ userId, ...counts }) => [userId, counts]));
    },
    badgeFacts: (app, userIds) => client.ask(FindBadgeFacts, app, { userIds: [...userIds] }),
  };
}
