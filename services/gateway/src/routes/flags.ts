import { FlagUser, GetFlag, GetMessage, ListFlags, WithdrawFlag } from "@strata/contracts";
import { digestOf, intentOf } from "@strata/doors";
import {
  chosenObjectId,
  invalidProperty,
  LayerError,
  layerError,
  OBJECT_PAGES,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseObjectId,
  parsePaging,
  requireJsonObject,
  requireUserId,
} from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import { flagView, parseClientFlag, parseFlag, type WantedFlag } from "../domain/flags.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, created, noContent, ok, type Route } from "../http/route.ts";
import { forSession } from "../openapi/client-operation.ts";
import { ClientFlagBody, ClientFlagPath, FlagBody, FlagPath, FlagView } from "../openapi/flag-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, LayerCount, pagingOf, UserPath } from "../openapi/parameters.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
  readonly maxBodyBytes: number;
}

const path = "/apps/:app/users/:user/flags";

/** What users hold against each other. */
export const flagRoutes = (deps: Deps): readonly Route[] => [
  flagging(deps),
  listing(deps),
  withdrawing(),
  getting(),
  clientFlagging(deps),
  clientWithdrawing(),
  clientGetting(),
];

const flagging = ({ users, maxBodyBytes }: Deps): Route => ({
  method: "post",
  path,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "createFlag",
    tag: "Moderation",
    summary: "Flag a user, or a message of hers, in another user's name",
    description:
      "There is one flag for each flagger and subject: to flag the same again corrects reason and comment, and answers 200. " +
      "More than the policy's `max_flags_per_hour` by one flagger are 429.",
    path: UserPath,
    headers: CreationHeaders,
    body: FlagBody,
    answer: { status: 201, description: "Flagged", schema: FlagView },
    otherAnswers: [{ status: 200, description: "He had flagged it before: the flag as it is now", schema: FlagView }],
    errors: [404, 409, 413, 422],
  }),
  async handle(call) {
    const userId = requireUserId(call.param("user"));
    const { by, ...wanted } = parseFlag(call.wire, call.body);
    await users.require(call, userId);
    return flag(call, { ...wanted, userId, by });
  },
});

const clientFlagging = ({ users, maxBodyBytes }: Deps): Route => ({
  method: "post",
  path: "/flags",
  access: "session",
  maxBodyBytes,
  operation: forSession(
    operation({
      id: "clientCreateFlag",
      tag: "Client API",
      summary: "Flag a user, or a message",
      description:
        "There is one flag for each flagger and subject: to flag the same again corrects reason and comment, and answers 200.",
      headers: CreationHeaders,
      body: ClientFlagBody,
      answer: { status: 201, description: "Flagged", schema: FlagView },
      otherAnswers: [{ status: 200, description: "It was flagged before: the flag as it is now", schema: FlagView }],
      errors: [404, 409, 413, 422],
    }),
  ),
  async handle(call) {
    const by = requireUserId(call.param("user"));
    const { userId, ...wanted } = parseClientFlag(call.wire, call.body);
    if (userId !== null) await users.require(call, userId);
    return flag(call, { ...wanted, userId, by });
  },
});

interface Flagging extends WantedFlag {
  /** null: whoever sent the message. */
  readonly userId: string | null;
  readonly by: string;
}

async function flag(call: Call, { userId: named, by, messageId, reason, comment }: Flagging): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const chosenId = chosenObjectId("flags", ifNoneMatch, requireJsonObject(call.body));
  const message = messageId === null ? null : await findFlagged(call, messageId, by);
  const userId = named ?? message?.senderId ?? "";
  if (message && message.senderId !== userId) throw invalidProperty("message", "is not from this user");
  const wanted = { userId, by, message: message && message.place, reason, comment };
  // A key is its flagger's own: what follows from it is nobody else's to take, or to see.
  const intent = intentOf({ scope: `${call.wire.appId}/flags/${by}`, chosenId, idempotencyKey });
  const command = { ...wanted, flagId: intent.id, at: Date.now() };
  const id = intent.commandId(() => digestOf(wanted));
  const { outcome, flag: stored } = await call.calls.request(FlagUser, command, { id }).catch(namingLimit);
  const view = stored?.by === by ? flagView(call.wire, stored) : null;
  if (outcome === "in-use") throw intent.inUse(view);
  return outcome === "created" ? created(view) : ok(view);
}

/** Only what she can see can be flagged: whoever guesses ids is not to learn who wrote what. */
async function findFlagged({ calls }: Call, messageId: string, viewer: string) {
  const { message } = await calls.ask(GetMessage, { messageId, conversationId: null, viewer });
  if (message === null) throw invalidProperty("message", "is none that the flagger can see");
  if (!("userId" in message.sender)) throw invalidProperty("message", "is from the system, not from a user");
  const { conversationId } = message;
  return { senderId: message.sender.userId, place: { messageId, conversationId } };
}

/** "Too many requests" would not say whose, and of what. */
function namingLimit(error: unknown): never {
  if (!(error instanceof DomainError) || error.code !== "rate_limit_exceeded") throw error;
  const afterMs = Number(error.details["retryAfterMs"]);
  const headers = { "Retry-After": String(Math.ceil(afterMs / 1_000)) };
  throw new LayerError("rate_limit_exceeded", error.message, { data: { limit: "max_flags_per_hour" }, headers });
}

const listing = ({ users }: Deps): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "listFlags",
    tag: "Moderation",
    summary: "The flags against a user, the newest first",
    description: "Without those that were taken back.",
    path: UserPath,
    query: pagingOf(OBJECT_PAGES, "UUID or URI of a flag of this list"),
    answer: { status: 200, description: "One page", schema: z.array(FlagView), headers: LayerCount },
    errors: [404, 422],
  }),
  async handle(call) {
    const userId = requireUserId(call.param("user"));
    const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("flags", text));
    await users.require(call, userId);
    const { flags, total } = await call.calls.ask(ListFlags, { userId, after: fromId, limit: pageSize });
    return onePage(
      rowsOfPage(flags).map((one) => flagView(call.wire, one)),
      total,
    );
  },
});

const getting = (): Route => ({
  method: "get",
  path: `${path}/:flag`,
  access: "users:read",
  operation: operation({
    id: "getFlag",
    tag: "Moderation",
    summary: "A flag against a user",
    path: FlagPath,
    answer: { status: 200, description: "The flag", schema: FlagView },
    errors: [404, 422],
  }),
  async handle(call) {
    const userId = requireUserId(call.param("user"));
    const { flag: found } = await call.calls.ask(GetFlag, { flagId: flagIdOf(call) });
    if (found?.userId !== userId) throw noFlag();
    return ok(flagView(call.wire, found));
  },
});

const withdrawing = (): Route => ({
  method: "delete",
  path: `${path}/:flag`,
  access: "users:write",
  operation: operation({
    id: "withdrawFlag",
    tag: "Moderation",
    summary: "Take a flag back",
    description: "It counts no more; what was done because of it stays done.",
    path: FlagPath,
    answer: { status: 204, description: "Taken back" },
    errors: [404, 422],
  }),
  async handle(call) {
    await withdraw(call, requireUserId(call.param("user")), flagIdOf(call));
    return noContent;
  },
});

const clientWithdrawing = (): Route => ({
  method: "delete",
  path: "/flags/:flag",
  access: "session",
  operation: forSession(
    operation({
      id: "clientWithdrawFlag",
      tag: "Client API",
      summary: "Take a flag of one's own back",
      path: ClientFlagPath,
      answer: { status: 204, description: "Taken back" },
      errors: [404],
    }),
  ),
  async handle(call) {
    const { userId, flagId } = await findOwn(call);
    await withdraw(call, userId, flagId);
    return noContent;
  },
});

const clientGetting = (): Route => ({
  method: "get",
  path: "/flags/:flag",
  access: "session",
  operation: forSession(
    operation({
      id: "clientGetFlag",
      tag: "Client API",
      summary: "A flag of one's own",
      path: ClientFlagPath,
      answer: { status: 200, description: "The flag", schema: FlagView },
      errors: [404],
    }),
  ),
  handle: async (call) => ok(flagView(call.wire, await findOwn(call))),
});

/** Another's is none: nobody is told who flagged whom. */
async function findOwn(call: Call) {
  const { flag: found } = await call.calls.ask(GetFlag, { flagId: flagIdOf(call) });
  if (found?.by !== call.param("user")) throw noFlag();
  return found;
}

const withdraw = ({ calls }: Call, userId: string, flagId: string) =>
  calls.request(WithdrawFlag, { userId, flagId, at: Date.now() });

function flagIdOf(call: Call): string {
  const flagId = parseObjectId("flags", call.param("flag"));
  if (flagId === null) throw noFlag();
  return flagId;
}

const noFlag = (): LayerError => layerError("not_found", "There is no such flag");
