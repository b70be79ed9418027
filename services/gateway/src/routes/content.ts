import { CreateContent, GetContent, MAX_CONTENT_BYTES, type PayloadOf } from "@strata/contracts";
import {
  type ContentUrls,
  contentViewsOf,
  conversationIdOf,
  digestOf,
  type Intent,
  intentOf,
  type Viewer,
} from "@strata/doors";
import {
  announcedContentView,
  appUrl,
  conversationUrl,
  notFound,
  parseContentHeaders,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseObjectId,
  userConversationUrl,
  userUrl,
  type WireContext,
} from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import type { z } from "zod";
import type { HttpDoor, UserDoor } from "../conversing/doors.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { AnnouncedContentView, ContentLocation, ContentView, UploadHeaders } from "../openapi/content-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, inConversation, ofContent } from "../openapi/parameters.ts";

/** Where content is announced and asked for. */
interface Place {
  readonly door: HttpDoor;
  readonly urls: ContentUrls;
  readonly path: string;
  readonly parameters: z.ZodObject;
  /** Of its operations' ids and texts. */
  readonly words: { readonly id: string; readonly whose: string };
  conversationId(call: Call): string | null;
}

/** Content of a conversation: the same through every door. */
export const conversationContent = (door: HttpDoor, urls: ContentUrls): readonly Route[] =>
  routesAt({
    door,
    urls,
    path: `${door.prefix}/conversations/:conversation/content`,
    parameters: door.path.extend(inConversation),
    words: { id: `${door.words.id}ConversationContent`, whose: `of a conversation, as ${door.words.who}` },
    conversationId: conversationIdOf,
  });

/** Content of a user, who may send it in any of her conversations. */
export const userContent = (door: UserDoor, urls: ContentUrls): readonly Route[] =>
  routesAt({
    door,
    urls,
    path: `${door.prefix}/content`,
    parameters: door.path,
    words: { id: `${door.words.id}Content`, whose: `as ${door.words.who}` },
    conversationId: () => null,
  });

const routesAt = (place: Place): readonly Route[] => [announcing(place), getting(place)];

const announcing = (place: Place): Route => ({
  method: "post",
  path: place.path,
  access: "conversations:write",
  operation: operation({
    id: `announce${place.words.id}`,
    tag: "Content",
    summary: `Announce content ${place.words.whose}`,
    description: "Answers where to upload it to. What is not uploaded within a day is forgotten. A body is ignored.",
    path: place.parameters,
    headers: CreationHeaders.extend(UploadHeaders.shape),
    answer: { status: 201, description: "Announced", schema: AnnouncedContentView, headers: ContentLocation },
    errors: [403, 404, 409, 410, 422],
  }),
  handle: (call) => announce(call, place),
});

const getting = (place: Place): Route => ({
  method: "get",
  path: `${place.path}/:content`,
  access: "conversations:read",
  operation: operation({
    id: `get${place.words.id}`,
    tag: "Content",
    summary: `Content ${place.words.whose}, with a fresh URL to download it from`,
    path: place.parameters.extend(ofContent),
    answer: { status: 200, description: "The content", schema: ContentView },
    errors: [404, 410, 422],
  }),
  handle: (call) => get(call, place),
});

async function announce(call: Call, place: Place): Promise<Answer> {
  const { door, urls } = place;
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const { mimeType, size, origin } = parseContentHeaders((name) => call.header(name), MAX_CONTENT_BYTES);
  const viewer = door.viewer(call);
  const conversationId = place.conversationId(call);
  await door.admit(call, viewer);
  const { appId } = call.wire;
  const intent = intentOf({ scope: `${appId}/content/${viewer ?? ""}`, chosenId: ifNoneMatch, idempotencyKey });
  await create(call, { contentId: intent.id, conversationId, owner: viewer, mimeType, size, origin }, intent);
  const { pathname } = new URL(`${ownerUrl(call.wire, viewer, conversationId)}/content/${intent.id}`);
  return {
    status: 201,
    json: announcedContentView({ contentId: intent.id, size }, urls.upload(appId, intent.id, origin)),
    headers: { Location: pathname },
  };
}

async function create(call: Call, payload: PayloadOf<typeof CreateContent>, intent: Intent): Promise<void> {
  try {
    await call.calls.request(CreateContent, payload, { id: intent.commandId(() => digestOf(payload)) });
  } catch (error) {
    // What is under this id may be somebody else's, and is told to nobody.
    if (error instanceof DomainError && error.code === "id_in_use") throw intent.inUse(null);
    throw error;
  }
}

async function get(call: Call, place: Place): Promise<Answer> {
  const viewer = place.door.viewer(call);
  const conversationId = place.conversationId(call);
  await place.door.admit(call, viewer);
  const contentId = parseObjectId("content", call.param("content"));
  if (contentId === null) throw notFound("There is no such content");
  const { content } = await call.calls.ask(GetContent, { contentId, conversationId, userId: viewer });
  if (content === null || !content.isUploaded) throw notFound("There is no such content");
  return ok(contentViewsOf(place.urls, call.wire, ownerUrl(call.wire, viewer, conversationId))(content));
}

/** The URL that `/content/<id>` stands below, for who asks from there. */
function ownerUrl(wire: WireContext, viewer: Viewer, conversationId: string | null): string {
  if (conversationId === null) return viewer === null ? appUrl(wire) : userUrl(wire, viewer);
  return viewer === null ? conversationUrl(wire, conversationId) : userConversationUrl(wire, viewer, conversationId);
}
