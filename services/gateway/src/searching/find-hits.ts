import {
  type Announcement,
  SearchInbox,
  SearchMessages,
  type SearchQuestion,
  type UserMessage,
} from "@strata/contracts";
import { announcementsBehind, compareSearchPlaces, messagesBehind, type SearchPlace } from "../domain/search-place.ts";
import type { Call } from "../http/route.ts";
import { isDeleted, statesOf } from "@strata/doors";

export type Hit =
  | { readonly type: "announcement"; readonly announcement: Announcement; readonly place: SearchPlace }
  | { readonly type: "message"; readonly message: UserMessage; readonly place: SearchPlace };

interface Search {
  readonly userId: string;
  readonly knownSince: number;
  readonly question: SearchQuestion;
  readonly from: SearchPlace | null;
  readonly limit: number;
}

interface Found {
  readonly hits: readonly Hit[];
  /** Behind which it goes on; null: that was all. */
  readonly next: SearchPlace | null;
}

/** Each round is a bounded look of two services: what has few hits among much is found over several requests. */
const ROUNDS = 4;

/** A user's announcements and messages that say what she looks for, in one order: a page, or as much of it as was found in time. */
export async function findHits(call: Call, search: Search): Promise<Found> {
  const hits: Hit[] = [];
  let next = search.from;
  for (let round = 0; round < ROUNDS; round += 1) {
    const limit = search.limit - hits.length;
    const { found, end } = await look(call, { ...search, from: next, limit });
    hits.push(...found.slice(0, limit));
    if (hits.length === search.limit) {
      const isAll = end === null && found.length <= limit;
      return { hits, next: isAll ? null : (hits.at(-1)?.place ?? null) };
    }
    if (end === null) return { hits, next: null };
    next = end;
  }
  return { hits, next };
}

/** One look of both. What one of them found behind where the other has stopped is not in order yet, and is found again. */
async function look(call: Call, { userId, knownSince, question, from, limit }: Search) {
  const asked = { userId, words: [...question.words], prefix: question.prefix, limit };
  const [inbox, messages] = await Promise.all([
    call.calls.ask(SearchInbox, { ...asked, knownSince, after: announcementsBehind(from) }),
    call.calls.ask(SearchMessages, { ...asked, after: messagesBehind(from) }),
  ]);
  const ends: SearchPlace[] = [
    ...(inbox.next ? [{ type: "announcement" as const, ...inbox.next }] : []),
    ...(messages.next ? [{ type: "message" as const, ...messages.next }] : []),
  ];
  const end = ends.toSorted(compareSearchPlaces)[0] ?? null;
  const found = [...inbox.hits.map(announcementHit), ...messages.hits.map(messageHit)]
    .filter(({ place }) => end === null || compareSearchPlaces(place, end) <= 0)
    .toSorted((a, b) => compareSearchPlaces(a.place, b.place));
  return { found: await withoutDeleted(call, userId, found), end };
}

const announcementHit = (announcement: Announcement): Hit => {
  const { at, announcementId } = announcement;
  return { type: "announcement", announcement, place: { type: "announcement", at, announcementId } };
};

const messageHit = (message: UserMessage): Hit => {
  const { sentAt: at, position, messageId } = message;
  return { type: "message", message, place: { type: "message", at, position, messageId } };
};

/** What she has deleted for herself is in her inbox no more, and is not found. */
async function withoutDeleted(call: Call, userId: string, hits: readonly Hit[]): Promise<readonly Hit[]> {
  const announcements = hits.flatMap((hit) => (hit.type === "announcement" ? [hit.announcement] : []));
  const states = await statesOf(call, userId, announcements);
  return hits.filter((hit) => hit.type === "message" || !isDeleted(states.get(hit.announcement.announcementId)));
}
