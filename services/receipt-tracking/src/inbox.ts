import { CountUnread, FindUnknownUsers, type InboxKey, ListInboxKeys } from "@strata/contracts";
import type { Client } from "@strata/messaging";

/** What others know of what a user has: announcement-fanout of her inbox, conversation of her messages, directory of her. */
export interface Inboxes {
  /** All of her inbox that came after `since`, newest first, page by page. */
  keys(app: string, userId: string, since: number | null): AsyncIterable<readonly InboxKey[]>;
  /** One page of it, behind an announcement; null when that one is not in it. A page shorter than `limit` is the last. */
  page(app: string, userId: string, behind: Behind, limit: number): Promise<readonly InboxKey[] | null>;
  unreadMessages(app: string, userId: string): Promise<{ readonly messages: number; readonly conversations: number }>;
}

interface Behind {
  readonly after: string | null;
  readonly since: number | null;
}

const PAGE = 1_000;

/** Asks over the broker. No answer in time is thrown as `service_unavailable` of the service that owes it. */
export function inboxesOver(client: Pick<Client, "ask">): Inboxes {
  const page: Inboxes["page"] = async (app, userId, { after, since }, limit) => {
    const { knownSince } = await client.ask(FindUnknownUsers, app, { userIds: [userId], withKnownSince: true });
    const question = { userId, after, since, knownSince: knownSince?.[0] ?? null, limit };
    const { keys } = await client.ask(ListInboxKeys, app, question);
    return keys;
  };
  return {
    page,
    async *keys(app, userId, since) {
      for (let after: string | null = null; ;) {
        // null: the last of the page before has gone meanwhile, and who asks again begins anew.
        const keys: readonly InboxKey[] | null = await page(app, userId, { after, since }, PAGE);
        if (keys === null) throw new Error(`the inbox changed while it was read`);
        yield keys;
        const last = keys.at(-1);
        if (last === undefined || keys.length < PAGE) return;
        after = last.announcementId;
      }
    },
    async unreadMessages(app, userId) {
      const { unreadMessages, unreadConversations } = await client.ask(CountUnread, app, { userId });
      return { messages: unreadMessages, conversations: unreadConversations };
    },
  };
}
