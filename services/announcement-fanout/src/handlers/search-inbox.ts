import type { FindInboxKey, FoundAnnouncementPlace, PayloadOf, ReplyOf, SearchInbox } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { BatchStore, Inbox, InboxEntry } from "../store/batch-store.ts";
import { inboxViewsOf } from "./queries.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
}

type Answers<C> = Handler<PayloadOf<C>, ReplyOf<C>>;
type Asked = PayloadOf<typeof SearchInbox>;

/** Entries of an inbox that are looked at together, and how often in one answer. */
const PAGE = 500;
const PAGES = 4;

/**
 * What a user looks for in her inbox, newest first. It goes along her inbox and not along all that says so: most of that
 * may be others'. Headers are looked up by their ids, so they need no index that every announcement would have to pay for.
 */
export const searchInbox =
  (deps: Deps): Answers<typeof SearchInbox> =>
  async ({ app, payload }) => {
    const { userId, knownSince } = payload;
    const hidden = await deps.announcements.hidden(app);
    const { found, next } = await find(deps, { app, userId, knownSince, hidden }, payload);
    return reply({ hits: await inboxViewsOf(deps.announcements, app, found), next });
  };

async function find({ announcements, batches }: Deps, inbox: Inbox, { words, prefix, after, limit }: Asked) {
  const found: InboxEntry[] = [];
  let next: FoundAnnouncementPlace | null = after;
  for (let n = 0; n < PAGES; n += 1) {
    const entries = (await batches.inbox(upTo(inbox, next), behind(next), PAGE)) ?? [];
    const keys = entries.map(({ announcementId }) => announcementKey(inbox.app, announcementId));
    const saying = await announcements.findSaying(keys, { words, prefix });
    const here = entries.filter((_, index) => saying.has(keys[index] ?? ""));
    found.push(...here.slice(0, limit - found.length));
    if (found.length === limit) return { found, next: found.at(-1) ?? null };
    if (entries.length < PAGE) return { found, next: null };
    next = entries.at(-1) ?? next;
  }
  return { found, next };
}

/** The index is entered where it goes on; without this it would be walked to there from its newest entry. */
const upTo = (inbox: Inbox, place: FoundAnnouncementPlace | null): Inbox => {
  if (place === null) return inbox;
  return { ...inbox, until: place.announcementId === null ? place.at - 1 : place.at };
};

const behind = (place: FoundAnnouncementPlace | null): InboxEntry | null =>
  place === null || place.announcementId === null ? null : { at: place.at, announcementId: place.announcementId };

/** Where in an inbox an announcement is. */
export const findInboxKey =
  ({ announcements, batches }: Deps): Answers<typeof FindInboxKey> =>
  async ({ app, payload: { userId, announcementId, knownSince } }) => {
    const hidden = await announcements.hidden(app);
    return reply({ key: await batches.findEntry({ app, userId, knownSince, hidden }, announcementId) });
  };
