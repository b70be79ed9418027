import { ChangeParts, type Message, type PartsChange, type ReplyOf } from "@strata/contracts";
import {
  idInUse,
  type LayerError,
  notFound,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseObjectId,
  parsePartBody,
  parsePartReference,
  parsePartsBody,
  type PartParsing,
  type PartReference,
} from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import type { Composer } from "../conversing/composer.ts";
import type { Door, Viewer } from "../conversing/doors.ts";
import { conversationIdOf } from "../conversing/find-conversation.ts";
import { findMessage, messageIdOf, type MessagePlace } from "../conversing/find-message.ts";
import { digestOf } from "../domain/digest.ts";
import { intentOf } from "../domain/intent.ts";
import { type Answer, type Call, created, type GuardedRoute, noContent, ok, type Route } from "../http/route.ts";
import type { SettingsCache } from "../http/settings-cache.ts";
import { PartBody, PartView } from "../openapi/message-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, inConversation, inMessage, inPart } from "../openapi/parameters.ts";

export interface PartDeps {
  readonly composer: Composer;
  readonly settings: Pick<SettingsCache, "of">;
  readonly maxBodyBytes: number;
  readonly maxPartBytes: number;
}

const PLACES: Readonly<Record<MessagePlace, string>> = {
  "in-conversation": "/conversations/:conversation/messages/:message/parts",
  anywhere: "/messages/:message/parts",
};

/** What all of them have in common: messages have had parts of their own since 2.0 (server API 7.6). */
const partsOf = (door: Door, place: MessagePlace, deps: PartDeps) => {
  const named = place === "anywhere" ? inMessage : { ...inConversation, ...inMessage };
  const route = { path: `${door.prefix}${PLACES[place]}`, versions: ["2.0", "3.0"] } as const;
  return {
    all: { ...route, parameters: door.path.extend(named) },
    one: { ...route, path: `${route.path}/:part`, parameters: door.path.extend({ ...named, ...inPart }) },
    reads: { access: "app:read" },
    writes: { access: "app:write", maxBodyBytes: deps.maxBodyBytes },
  } as const;
};

/** Reads parts of messages: a message's `url`s lead there, in each view. */
export function partReadingRoutes(door: Door, place: MessagePlace, deps: PartDeps): readonly Route[] {
  const { all, one, reads } = partsOf(door, place, deps);
  const shown = async (call: Call): Promise<{ viewer: Viewer; message: Message }> => {
    const viewer = door.viewer(call);
    await door.admit(call, viewer);
    return { viewer, message: await findMessage(call, viewer, place) };
  };
  const listing: GuardedRoute = {
    method: "get",
    ...pathOf(all),
    ...reads,
    operation: operation({
      id: `list${door.words.id}Parts`,
      tag: "Messages",
      summary: `The parts of a message as ${door.words.who} sees them, in their order`,
      description: VERSIONS_NOTE,
      path: all.parameters,
      answer: { status: 200, description: "All of them", schema: z.array(PartView) },
      errors: [404, 422],
    }),
    async handle(call) {
      const { viewer, message } = await shown(call);
      return ok(deps.composer.parts(call, viewer, message));
    },
  };
  const getting: GuardedRoute = {
    method: "get",
    ...pathOf(one),
    ...reads,
    operation: operation({
      id: `get${door.words.id}Part`,
      tag: "Messages",
      summary: `A part of a message as ${door.words.who} sees it`,
      description: VERSIONS_NOTE,
      path: one.parameters,
      answer: { status: 200, description: "The part", schema: PartView },
      errors: [404, 422],
    }),
    async handle(call) {
      const reference = partReferenceOf(call);
      const { viewer, message } = await shown(call);
      return ok(partAt(deps.composer.parts(call, viewer, message), indexOf(message, reference)));
    },
  };
  return [listing, getting];
}

const VERSIONS_NOTE = "Versions 2.0 and 3.0.";

const pathOf = ({ path, versions }: Pick<GuardedRoute, "path" | "versions">) => ({ path, versions: versions ?? [] });

/** Changes the parts of a message that was sent; only the backend does. */
export function partChangingRoutes(door: Door, deps: PartDeps): readonly Route[] {
  const { all, one, writes } = partsOf(door, "in-conversation", deps);
  return [
    {
      method: "post",
      ...pathOf(all),
      ...writes,
      operation: operation({
        id: "addPart",
        tag: "Messages",
        summary: "Add a part to a message, behind the others",
        description: VERSIONS_NOTE,
        path: all.parameters,
        headers: CreationHeaders,
        body: PartBody,
        answer: { status: 201, description: "The part", schema: PartView },
        errors: [404, 409, 410, 413, 422],
      }),
      handle: (call) => add(call, deps),
    },
    {
      method: "put",
      ...pathOf(one),
      ...writes,
      operation: operation({
        id: "replacePart",
        tag: "Messages",
        summary: "Put another part in the place of one, under its id",
        description: VERSIONS_NOTE,
        path: one.parameters,
        body: PartBody,
        answer: { status: 200, description: "The part", schema: PartView },
        errors: [404, 410, 413, 422],
      }),
      handle: (call) => replace(call, deps),
    },
    {
      method: "put",
      ...pathOf(all),
      ...writes,
      operation: operation({
        id: "replaceParts",
        tag: "Messages",
        summary: "Put other parts in the place of all of them, under new ids",
        description: VERSIONS_NOTE,
        path: all.parameters,
        body: z.array(PartBody).min(1),
        answer: { status: 200, description: "All parts", schema: z.array(PartView) },
        errors: [404, 410, 413, 422],
      }),
      handle: (call) => replaceAll(call, deps),
    },
    {
      method: "delete",
      ...pathOf(one),
      access: writes.access,
      operation: operation({
        id: "deletePart",
        tag: "Messages",
        summary: "Take a part out of a message",
        description: `${VERSIONS_NOTE} The last one stays: 422 \`invalid_operation\`.`,
        path: one.parameters,
        answer: { status: 204, description: "Gone" },
        errors: [404, 410, 422],
      }),
      async handle(call) {
        await change(call, deps, { kind: "remove", ref: partReferenceOf(call) });
        return noContent;
      },
    },
  ];
}

async function add(call: Call, deps: PartDeps): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const part = parsePartBody(call.body, await parsing(call, deps));
  const intent = intentOf({
    scope: JSON.stringify([call.wire.appId, messageIdOf(call), "parts"]),
    chosenId: ifNoneMatch ?? part.partId,
    idempotencyKey,
  });
  const appended = { ...part, partId: intent.id };
  try {
    const commandId = intent.commandId(digestOf(appended));
    const { message } = await change(call, deps, { kind: "append", part: appended }, commandId);
    return created(partOf(call, deps, message, { partId: intent.id }));
  } catch (error) {
    throw isTaken(error) ? await inUse(call, deps, intent.id, intent.inUse) : error;
  }
}

async function replace(call: Call, deps: PartDeps): Promise<Answer> {
  const part = parsePartBody(call.body, await parsing(call, deps));
  const ref = partReferenceOf(call);
  const { message, changed } = await change(call, deps, { kind: "replace", ref, part });
  const [partId] = changed;
  return ok(partOf(call, deps, message, partId === undefined ? ref : { partId }));
}

async function replaceAll(call: Call, deps: PartDeps): Promise<Answer> {
  const parts = parsePartsBody(call.body, await parsing(call, deps));
  const { message } = await change(call, deps, { kind: "replace-all", parts });
  return ok(deps.composer.parts(call, null, message));
}

async function change(
  call: Call,
  { settings }: PartDeps,
  asked: PartsChange,
  id?: string,
): Promise<ReplyOf<typeof ChangeParts>> {
  const { maxPartsPerMessage: maxParts } = await settings.of(call);
  const named = { conversationId: conversationIdOf(call), messageId: messageIdOf(call) };
  return call.calls.request(ChangeParts, { ...named, change: asked, maxParts, at: Date.now() }, { id });
}

/** A path that can name no message is told after a bad body (server API 3.3). */
async function parsing(call: Call, { settings, maxPartBytes }: PartDeps): Promise<PartParsing> {
  const { maxPartsPerMessage: maxParts } = await settings.of(call);
  const messageId = parseObjectId("messages", call.param("message")) ?? "";
  return { version: call.wire.version, messageId, maxParts, maxPartBytes };
}

/** How the message's owner refuses an id that another of its parts has. */
const isTaken = (error: unknown): boolean =>
  error instanceof DomainError && error.code === "invalid_property" && error.details["property"] === "parts.id";

async function inUse(call: Call, deps: PartDeps, partId: string, refusal: typeof idInUse): Promise<LayerError> {
  const message = await findMessage(call, null, "in-conversation");
  return refusal(partOf(call, deps, message, { partId }));
}

const partOf = (call: Call, { composer }: PartDeps, message: Message, reference: PartReference) =>
  partAt(composer.parts(call, null, message), indexOf(message, reference));

/** @throws LayerError 404 `not_found` for what can be no part of the path's message */
function partReferenceOf(call: Call): PartReference {
  const reference = parsePartReference(messageIdOf(call), call.param("part"));
  if (reference === null) throw noPart();
  return reference;
}

const indexOf = ({ parts }: Message, reference: PartReference): number =>
  "index" in reference ? reference.index : parts.findIndex(({ partId }) => partId === reference.partId);

function partAt<View>(views: readonly View[], index: number): View {
  const view = views[index];
  if (view === undefined) throw noPart();
  return view;
}

const noPart = (): LayerError => notFound("There is no such part");
