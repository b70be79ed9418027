import { CreateContent, GetContent, MAX_CONTENT_BYTES, type PayloadOf } from "@strata/contracts";
import {
  announcedContentView,
  appUrl,
  notFound,
  parseContentHeaders,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseObjectId,
  requireUserId,
  userUrl,
  type WireContext,
} from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import { type ContentUrls, contentViewsOf } from "../content/content-urls.ts";
import { digestOf } from "../domain/digest.ts";
import { type Intent, intentOf } from "../domain/intent.ts";
import { type Answer, type Call, type GuardedRoute, ok } from "../http/route.ts";
import { AnnouncedContentView, ContentLocation, ContentView, UploadHeaders } from "../openapi/content-schemas.ts";
import { exampleIds } from "../openapi/examples.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, CreationHeaders, UserPath } from "../openapi/parameters.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly urls: ContentUrls;
  readonly users: KnownUsers;
}

/** Where content is announced and asked for: who does it, and for which conversation. */
interface Place {
  readonly conversationId: string | null;
  readonly userId: string | null;
}

/** One of the three places, with the words that its routes need. */
interface Scene {
  readonly path: string;
  readonly idSuffix: string;
  readonly summarySuffix: string;
  readonly parameters: typeof AppPath;
  readonly place: (call: Call, users: KnownUsers) => Promise<Place>;
}

const conversation = {
  conversation: z.string().meta({ description: "UUID of a conversation", example: exampleIds.conversation }),
};

const SCENES: readonly Scene[] = [
  {
    path: "/apps/:app/conversations/:conversation/content",
    idSuffix: "",
    summarySuffix: "of a conversation",
    parameters: AppPath.extend(conversation),
    place: async (call) => ({ conversationId: conversationIdOf(call), userId: null }),
  },
  {
    path: "/apps/:app/users/:user/conversations/:conversation/content",
    idSuffix: "AsParticipant",
    summarySuffix: "of a user's conversation",
    parameters: UserPath.extend(conversation),
    place: async (call, users) => ({ conversationId: conversationIdOf(call), userId: await userOf(call, users) }),
  },
  {
    path: "/apps/:app/users/:user/content",
    idSuffix: "AsUser",
    summarySuffix: "of a user",
    parameters: UserPath,
    place: async (call, users) => ({ conversationId: null, userId: await userOf(call, users) }),
  },
];

/** Announcing content and asking for its URL, for the backend and in the name of a user: one implementation. */
export const contentRoutes = (deps: Deps): readonly GuardedRoute[] =>
  SCENES.flatMap((scene) => [announceContent(scene, deps), getContent(scene, deps)]);

const announceContent = (scene: Scene, deps: Deps): GuardedRoute => ({
  method: "post",
  path: scene.path,
  access: "app:write",
  operation: operation({
    id: `announceContent${scene.idSuffix}`,
    tag: "Content",
    summary: `Announce content ${scene.summarySuffix} that will be uploaded`,
    description: "Answers where to. What is not uploaded within a day is forgotten. A body is ignored.",
    path: scene.parameters,
    headers: CreationHeaders.extend(UploadHeaders.shape),
    answer: { status: 201, description: "Announced", schema: AnnouncedContentView, headers: ContentLocation },
    errors: [404, 409, 410, 422],
  }),
  handle: (call) => announce(call, scene, deps),
});

const getContent = (scene: Scene, deps: Deps): GuardedRoute => ({
  method: "get",
  path: `${scene.path}/:content`,
  access: "app:read",
  operation: operation({
    id: `getContent${scene.idSuffix}`,
    tag: "Content",
    summary: `Content ${scene.summarySuffix}, with a fresh URL to download it from`,
    path: scene.parameters.extend({
      content: z.string().meta({ description: "UUID of the content", example: exampleIds.content }),
    }),
    answer: { status: 200, description: "The content", schema: ContentView },
    errors: [404, 410],
  }),
  handle: (call) => get(call, scene, deps),
});

async function announce(call: Call, scene: Scene, { urls, users }: Deps): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const { mimeType, size, origin } = parseContentHeaders((name) => call.header(name), MAX_CONTENT_BYTES);
  const place = await scene.place(call, users);
  const { appId } = call.wire;
  const intent = intentOf({ scope: `${appId}/content`, chosenId: ifNoneMatch, idempotencyKey });
  const { conversationId, userId: owner } = place;
  const payload = { contentId: intent.id, conversationId, owner, mimeType, size, origin };
  await create(call, payload, intent);
  const view = announcedContentView({ contentId: intent.id, size }, urls.upload(appId, intent.id, origin));
  const url = new URL(`${ownerUrlOf(call.wire, place)}/content/${intent.id}`);
  return { status: 201, json: view, headers: { Location: url.pathname } };
}

async function create(call: Call, payload: PayloadOf<typeof CreateContent>, intent: Intent): Promise<void> {
  try {
    await call.calls.request(CreateContent, payload, { id: intent.commandId(digestOf(payload)) });
  } catch (error) {
    // What is under this id may be somebody else's, and is told to nobody.
    if (error instanceof DomainError && error.code === "id_in_use") throw intent.inUse(null);
    throw error;
  }
}

async function get(call: Call, scene: Scene, { urls, users }: Deps): Promise<Answer> {
  const place = await scene.place(call, users);
  const contentId = parseObjectId("content", call.param("content"));
  if (contentId === null) throw notFound("There is no such content");
  const { content } = await call.calls.ask(GetContent, { contentId, ...place });
  if (content === null || !content.isUploaded) throw notFound("There is no such content");
  return ok(contentViewsOf(urls, call.wire, ownerUrlOf(call.wire, place))(content));
}

function conversationIdOf(call: Call): string {
  const conversationId = parseObjectId("conversations", call.param("conversation"));
  if (conversationId === null) throw notFound("There is no such conversation");
  return conversationId;
}

async function userOf(call: Call, users: KnownUsers): Promise<string> {
  const userId = requireUserId(call.param("user"));
  await users.require(call, userId);
  return userId;
}

/** The URL that `/content/<id>` stands below, for who asks from there. */
function ownerUrlOf(wire: WireContext, { conversationId, userId }: Place): string {
  const base = userId === null ? appUrl(wire) : userUrl(wire, userId);
  return conversationId === null ? base : `${base}/conversations/${conversationId}`;
}
