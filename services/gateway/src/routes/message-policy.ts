import { randomUUID } from "node:crypto";
import {
  type Authority,
  GetMessageHistory,
  GetMessagePolicy,
  ListRefusedMessages,
  type MessagePolicy,
  type PayloadOf,
  PreviewMessagePolicy,
  SetMessagePolicy,
} from "@strata/contracts";
import { askBackend, conversationIdOf, messageIdOf, type SettingsCache } from "@strata/doors";
import {
  invalidProperty,
  isAbsent,
  notFound,
  OBJECT_PAGES,
  parseObjectId,
  parsePaging,
  parseSending,
  requireJsonObject,
  requireProperties,
} from "@strata/layer-protocol";
import { z } from "zod";
import {
  historyEntryView,
  hitView,
  messagePolicyView,
  parseMessagePolicy,
  refusalView,
} from "../domain/message-policy.ts";
import { requireWebhook } from "../domain/webhook-url.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import {
  HistoryEntryView,
  MessagePolicyRequest,
  MessagePolicyView,
  PolicyPreviewBody,
  PolicyPreviewView,
  RefusalView,
} from "../openapi/message-policy-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, inConversation, inMessage, LayerCount, pagingOf } from "../openapi/parameters.ts";
import { actorOf } from "./actor-of.ts";

interface Options {
  readonly settings: Pick<SettingsCache, "of">;
  readonly maxBodyBytes: number;
  readonly maxPartBytes: number;
  readonly areLocalWebhooksAllowed: boolean;
}

const path = "/apps/:app/message_policy";
const tag = "Messages";

/** What an app lets be said in its conversations, what came of it, and what happened to a message: extensions. */
export const messagePolicyRoutes = (options: Options): readonly Route[] => [
  getting(),
  putting(options),
  deleting(),
  previewing(options),
  listing(),
  history(),
];

const getting = (): Route => ({
  method: "get",
  path,
  access: "conversations:read",
  operation: operation({
    id: "getMessagePolicy",
    tag,
    summary: "An app's policy over what is said in its conversations",
    description: "Of an app that never set one: no rules.",
    path: AppPath,
    answer: { status: 200, description: "The whole policy", schema: MessagePolicyView },
  }),
  handle: async ({ calls }) => ok(messagePolicyView((await calls.ask(GetMessagePolicy, {})).policy)),
});

const putting = ({ maxBodyBytes, areLocalWebhooksAllowed: isLocalAllowed }: Options): Route => ({
  method: "put",
  path,
  access: "conversations:write",
  maxBodyBytes,
  operation: operation({
    id: "putMessagePolicy",
    tag,
    summary: "Set an app's policy over what is said in its conversations",
    description:
      "The whole of it. It judges every message that is placed, and every part that is changed, two seconds later. With " +
      "`before_send` the token needs `conversations:read`, too, since it has messages told to a URL.",
    path: AppPath,
    body: MessagePolicyRequest,
    answer: { status: 200, description: "The whole policy as it is now", schema: MessagePolicyView },
    errors: [413, 422],
  }),
  async handle(call) {
    const policy = parseMessagePolicy(call.body);
    if (policy.beforeSend) {
      const webhook = { ...policy.beforeSend, property: "before_send.url", tells: "conversations:read" as const };
      requireWebhook(webhook, { scopes: call.grant.scopes, isLocalAllowed });
    }
    return ok(messagePolicyView(await set(call, policy)));
  },
});

const deleting = (): Route => ({
  method: "delete",
  path,
  access: "conversations:write",
  operation: operation({
    id: "deleteMessagePolicy",
    tag,
    summary: "Take an app's message policy away",
    path: AppPath,
    answer: { status: 204, description: "Everything may be said two seconds later" },
  }),
  async handle(call) {
    await set(call, null);
    return noContent;
  },
});

const set = async (call: Call, policy: MessagePolicy | null): Promise<MessagePolicy> =>
  (await call.calls.request(SetMessagePolicy, { policy, at: Date.now(), actor: actorOf(call) })).policy;

const previewing = (options: Options): Route => ({
  method: "post",
  path: `${path}/preview`,
  access: "conversations:read",
  maxBodyBytes: options.maxBodyBytes,
  operation: operation({
    id: "previewMessagePolicy",
    tag,
    summary: "What a policy would make of a message",
    description:
      "Judged by what judges messages that are sent. Nothing is sent, counted, logged or told; the backend is asked " +
      "with `ask_backend` only, as it would be.",
    path: AppPath,
    body: PolicyPreviewBody,
    answer: { status: 200, description: "What would become of it", schema: PolicyPreviewView },
    errors: [413, 422],
  }),
  handle: (call) => preview(call, options),
});

async function preview(call: Call, { settings, maxPartBytes }: Options): Promise<Answer> {
  const fields = requireJsonObject(call.body);
  requireProperties(fields, ["message"]);
  const policy = isAbsent(fields.policy) ? null : parseMessagePolicy(fields.policy);
  const { maxPartsPerMessage: maxParts } = await settings.of(call);
  const { version } = call.wire;
  const options = { version, sender: null, maxMessages: 1, maxParts, maxPartBytes, idOf: () => randomUUID() };
  const sending = parseSending(requireJsonObject(fields.message), options);
  if (sending.kind !== "now") throw invalidProperty("message.schedule", "cannot be tried out");
  const { sender, parts, notification } = sending.message;
  const message = { sender, parts, notification, authority: authorityOf(fields.sent_by) };
  const isAsking = isAskingOf(fields.ask_backend);
  const found = await judged(call, { policy, message }, isAsking);
  return ok({
    refused_by: found.refusedBy,
    matches: found.hits.map(hitView),
    parts: found.parts.map(({ mimeType, body, encoding }) => ({ mime_type: mimeType, body, encoding })),
    notification: found.notification && {
      title: found.notification.title ?? null,
      text: found.notification.text ?? null,
    },
    asked_rates: found.askedRates,
    asks_backend: (found.asks ?? null) !== null,
  });
}

/** What would become of a message, with what the backend says of it where it is to be asked. */
async function judged({ calls }: Call, draft: PayloadOf<typeof PreviewMessagePolicy>, isAsking: boolean) {
  const found = await calls.ask(PreviewMessagePolicy, draft);
  if (!isAsking || !found.asks) return found;
  // Of no conversation, and under an id that no message has.
  const nowhere = { messageId: randomUUID(), conversationId: randomUUID() };
  const { remainingMs } = calls;
  const verdict = await askBackend(calls, { ...draft.message, ...nowhere }, found.asks);
  return calls.within(remainingMs).ask(PreviewMessagePolicy, { ...draft, verdict });
}

function isAskingOf(value: unknown): boolean {
  if (isAbsent(value)) return false;
  if (typeof value !== "boolean") throw invalidProperty("ask_backend", "must be true or false");
  return value;
}

function authorityOf(sentBy: unknown): Authority {
  if (isAbsent(sentBy) || sentBy === "user") return "user";
  if (sentBy === "backend") return "backend";
  throw invalidProperty("sent_by", "must be user or backend");
}

const listing = (): Route => ({
  method: "get",
  path: `${path}/refusals`,
  access: "conversations:read",
  operation: operation({
    id: "listMessageRefusals",
    tag,
    summary: "What the policy refused in the last seven days, newest first",
    path: AppPath,
    query: pagingOf(OBJECT_PAGES, "URI or UUID of a refusal of this list"),
    answer: { status: 200, description: "One page", schema: z.array(RefusalView), headers: LayerCount },
    errors: [404, 422],
  }),
  async handle(call) {
    const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("refusals", text));
    const { refused, total } = await call.calls.ask(ListRefusedMessages, { after: fromId, limit: pageSize });
    return onePage(
      rowsOfPage(refused).map((one) => refusalView(call.wire, one)),
      total,
    );
  },
});

const history = (): Route => ({
  method: "get",
  path: "/apps/:app/conversations/:conversation/messages/:message/history",
  access: "conversations:read",
  operation: operation({
    id: "getMessageHistory",
    tag,
    summary: "What happened to a message, oldest first",
    description: "Also of one that was deleted. Of changes, the latest hundred.",
    path: AppPath.extend({ ...inConversation, ...inMessage }),
    answer: { status: 200, description: "All that happened", schema: z.array(HistoryEntryView) },
    errors: [404],
  }),
  async handle(call) {
    const asked = { conversationId: conversationIdOf(call), messageId: messageIdOf(call) };
    const found = await call.calls.ask(GetMessageHistory, asked);
    if (found.history === null) throw notFound("There is no such message");
    return ok(found.history.map((entry) => historyEntryView(call.wire, entry)));
  },
});
