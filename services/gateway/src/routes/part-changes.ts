import { ChangeParts, type Message, type PartsChange, type ReplyOf } from "@strata/contracts";
import {
  type Composer,
  conversationIdOf,
  findMessage,
  messageIdOf,
  digestOf,
  type Intent,
  intentOf,
  type SettingsCache,
} from "@strata/doors";
import {
  type LayerError,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseObjectId,
  parsePartBody,
  parsePartsBody,
  type PartParsing,
  type PartReference,
} from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import type { HttpDoor } from "../conversing/doors.ts";
import { PART_VERSIONS, partAsRead, partReferenceOf } from "../conversing/find-part.ts";
import { type Answer, type Call, created, type GuardedRoute, noContent, ok } from "../http/route.ts";
import { PartBody, PartView } from "../openapi/message-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, inConversation, inMessage, inPart } from "../openapi/parameters.ts";

export interface PartDeps {
  readonly composer: Composer;
  readonly settings: Pick<SettingsCache, "of">;
  readonly maxBodyBytes: number;
  readonly maxPartBytes: number;
}

const VERSIONS = "Versions 2.0 and 3.0.";

/** Changes the parts of a message that was sent; only the backend does. */
export function partChangingRoutes(door: HttpDoor, deps: PartDeps): readonly GuardedRoute[] {
  const path = `${door.prefix}/conversations/:conversation/messages/:message/parts`;
  const writes = { access: "conversations:write", versions: PART_VERSIONS } as const;
  const parameters = door.path.extend({ ...inConversation, ...inMessage });
  return [
    {
      method: "post",
      path,
      ...writes,
      maxBodyBytes: deps.maxBodyBytes,
      operation: operation({
        id: "addPart",
        tag: "Messages",
        summary: "Add a part to a message, behind the others",
        description: VERSIONS,
        path: parameters,
        headers: CreationHeaders,
        body: PartBody,
        answer: { status: 201, description: "The part", schema: PartView },
        errors: [403, 404, 409, 410, 413, 422],
      }),
      handle: (call) => add(call, deps),
    },
    {
      method: "put",
      path: `${path}/:part`,
      ...writes,
      maxBodyBytes: deps.maxBodyBytes,
      operation: operation({
        id: "replacePart",
        tag: "Messages",
        summary: "Put another part in the place of one, under its id",
        description: VERSIONS,
        path: parameters.extend(inPart),
        body: PartBody,
        answer: { status: 200, description: "The part", schema: PartView },
        errors: [403, 404, 410, 413, 422],
      }),
      handle: (call) => replace(call, deps),
    },
    {
      method: "put",
      path,
      ...writes,
      maxBodyBytes: deps.maxBodyBytes,
      operation: operation({
        id: "replaceParts",
        tag: "Messages",
        summary: "Put other parts in the place of all of them, under new ids",
        description: VERSIONS,
        path: parameters,
        body: z.array(PartBody).min(1),
        answer: { status: 200, description: "All parts", schema: z.array(PartView) },
        errors: [403, 404, 410, 413, 422],
      }),
      handle: (call) => replaceAll(call, deps),
    },
    {
      method: "delete",
      path: `${path}/:part`,
      ...writes,
      operation: operation({
        id: "deletePart",
        tag: "Messages",
        summary: "Take a part out of a message",
        description: `${VERSIONS} The last one stays: 422 \`invalid_operation\`.`,
        path: parameters.extend(inPart),
        answer: { status: 204, description: "Gone" },
        errors: [403, 404, 410, 422],
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
    const commandId = intent.commandId(() => digestOf(appended));
    const { message } = await change(call, deps, { kind: "append", part: appended }, commandId);
    return created(partOf(call, deps, message, { partId: intent.id }));
  } catch (error) {
    throw isTaken(error) ? await inUse(call, deps, intent) : error;
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

async function inUse(call: Call, deps: PartDeps, intent: Intent): Promise<LayerError> {
  const message = await findMessage(call, null, "in-conversation");
  return intent.inUse(partOf(call, deps, message, { partId: intent.id }));
}

const partOf = (call: Call, { composer }: PartDeps, message: Message, reference: PartReference) =>
  partAsRead(call, composer, null, message, reference);
