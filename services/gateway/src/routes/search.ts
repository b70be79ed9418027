import { FindInboxKey, GetMessage, type SearchQuestion, searchQuestionOf } from "@strata/contracts";
import { type Composer, composer, type ContentUrls, type ProfileCache } from "@strata/doors";
import {
  invalidProperty,
  isUuid,
  missingProperty,
  notFound,
  OBJECT_PAGES,
  parseObjectId,
  parsePaging,
  requireUserId,
} from "@strata/layer-protocol";
import { z } from "zod";
import { parseSearchPlace, formatSearchPlace, type SearchPlace } from "../domain/search-place.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";
import { LayerNext, MAX_QUESTION_CHARACTERS, SearchHit, SearchQuery } from "../openapi/search-schemas.ts";
import { findHits, type Hit } from "../searching/find-hits.ts";
import { inboxViews } from "@strata/doors";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
  readonly profiles: ProfileCache;
  readonly contents: ContentUrls;
}

export const searchUser = (deps: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/search",
  access: "conversations:read",
  operation: operation({
    id: "searchUser",
    tag: "Users",
    summary: "Full-text search over a user's announcements and messages, newest first",
    description:
      "Finds what is in her inbox and what she sees of her conversations: those that she has left too, up to then. Text " +
      "parts are searched (plain, Markdown, HTML), the first 200 words of each; upper and lower case and diacritics " +
      "make no difference. A beginning of one or two letters is looked for among the newest messages first, so that it " +
      "may take several pages. Of a user with more than 2,000 conversations, those with the newest messages are searched.",
    path: UserPath,
    query: SearchQuery,
    answer: { status: 200, description: "One page of hits", schema: z.array(SearchHit), headers: LayerNext },
    errors: [404, 422],
  }),
  handle: (call) => search(call, deps, composer(deps)),
});

async function search(call: Call, { users, profiles }: Deps, views: Composer): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const question = questionOf(call.query["q"]);
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => (isPlace(text) ? text : null));
  const knownSince = await users.requireSince(call, userId);
  const from = fromId === null ? null : await placeOf(call, userId, knownSince, fromId);
  const { hits, next } = await findHits(call, { userId, knownSince, question, from, limit: pageSize });
  return ok(
    await viewsOf(call, profiles, views, userId, hits),
    next === null ? {} : { "Layer-Next": formatSearchPlace(next) },
  );
}

function questionOf(q: unknown): SearchQuestion {
  if (q === undefined) throw missingProperty("q");
  if (typeof q !== "string") throw invalidProperty("q", "must be given once");
  if (q.length > MAX_QUESTION_CHARACTERS) {
    throw invalidProperty("q", `must have no more than ${MAX_QUESTION_CHARACTERS} characters`);
  }
  const question = searchQuestionOf(q);
  if (question === null) throw invalidProperty("q", "must have a word in it");
  return question;
}

const objectOf = (text: string) => ({
  announcementId: parseObjectId("announcements", text),
  messageId: parseObjectId("messages", text),
});

const isPlace = (text: string): boolean => {
  const { announcementId, messageId } = objectOf(text);
  return announcementId !== null || messageId !== null || parseSearchPlace(text) !== null;
};

/** Where a page begins. A bare UUID may be either's. */
async function placeOf(call: Call, userId: string, knownSince: number, text: string): Promise<SearchPlace> {
  const place = isUuid(text) ? null : parseSearchPlace(text);
  if (place) return place;
  const { announcementId, messageId } = objectOf(text);
  const [inbox, found] = await Promise.all([
    announcementId === null ? null : call.calls.ask(FindInboxKey, { userId, announcementId, knownSince }),
    messageId === null ? null : call.calls.ask(GetMessage, { messageId, conversationId: null, viewer: userId }),
  ]);
  if (inbox?.key) return { type: "announcement", ...inbox.key };
  if (found?.message) {
    const { sentAt, position, messageId: id } = found.message;
    return { type: "message", at: sentAt, position, messageId: id };
  }
  throw notFound("from_id names no row of this list");
}

async function viewsOf(call: Call, profiles: ProfileCache, views: Composer, userId: string, hits: readonly Hit[]) {
  const announcements = hits.flatMap((hit) => (hit.type === "announcement" ? [hit.announcement] : []));
  const messages = hits.flatMap((hit) => (hit.type === "message" ? [hit.message] : []));
  const [entries, seen] = await Promise.all([
    inboxViews(call, profiles, userId, announcements),
    views.userMessages(call, userId, messages),
  ]);
  // Both are in the order of their hits.
  return hits.map(({ type }) => ({ type, ...(type === "announcement" ? entries.shift() : seen.shift()) }));
}
