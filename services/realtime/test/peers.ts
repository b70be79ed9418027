import { randomBytes, randomUUID } from "node:crypto";
import {
  type AppSettings,
  AuthenticateSession,
  createSessionToken,
  FindBlockers,
  FindFollowed,
  FindParticipants,
  GetAppSettings,
  GetConversationViews,
  GetIdentities,
  GetUser,
  ListFollowers,
  ListFollowing,
  readSessionToken,
  type ServiceName,
  type ReplyOf,
  SendMessage,
  type User,
} from "@strata/contracts";
import { type Broker, type Consumer, consumer, on, openBroker, reply } from "@strata/messaging";
import { createReadiness, DomainError } from "@strata/runtime";
import { type Infra, type InProcessService, startInProcess, testLogger } from "@strata/testing";
import { Registry } from "prom-client";
import { loadConfig } from "../src/config.ts";
import { start } from "../src/start.ts";
import { aUserMessage, BASE_URL, CONVERSATION } from "./seen.ts";

export interface Peer extends Broker, AsyncDisposable {}

/** Another service's side of the real broker, in this process, with only the rows given. */
export async function openPeer(infra: Infra, service: ServiceName, rows: readonly Consumer[] = []): Promise<Peer> {
  const contracts = rows.flatMap((row) => row.handlers.map(({ contract }) => contract));
  const broker = await openBroker({
    url: infra.amqpUrl,
    service,
    log: testLogger(service),
    metrics: new Registry(),
    readiness: createReadiness(),
    orderedQueues: 2,
    ...(contracts.length > 0 ? { catalogue: contracts } : {}),
  });
  const consuming = rows.length > 0 ? await broker.consume(rows) : null;
  return Object.assign(broker, {
    async [Symbol.asyncDispose]() {
      await consuming?.close();
      await broker.close();
    },
  });
}

const SETTINGS: AppSettings = {
  sessionTtlSeconds: 3_600,
  maxParticipants: 25,
  maxConversationMetadataBytes: 2_048,
  maxAnnouncementRecipients: 1_000,
  maxPartsPerMessage: 1_000,
  showsPhoneNumbers: false,
  showsEmailAddresses: false,
  showsMetadata: false,
};

/** What the other services know; a test changes it at any time. */
export function aWorld() {
  const sessions = new Map<string, { readonly app: string; readonly userId: string; readonly expiresAt: number }>();
  return {
    sessions,
    /** Who is in a conversation, by `<app>/<conversation>`. */
    participants: new Map<string, readonly string[]>(),
    /** Who has left one, by `<app>/<conversation>/<user>`. */
    left: new Set<string>(),
    /** Conversations whose views nobody can tell. */
    unanswered: new Set<string>(),
    /** How often views were asked for. */
    viewsAsked: 0,
    /** Called when it is known what is answered to a question for views, before it is. */
    whileViewing: async (_conversationId: string): Promise<void> => {},
    /** Whom a user follows. */
    follows: new Map<string, readonly string[]>(),
    /** Who blocks a user. */
    blockers: new Map<string, readonly string[]>(),
    /** Bytes in the body of each message. */
    messageBytes: 2,
    /** Called while a session is being looked for. */
    whileAuthenticating: async (_hash: string): Promise<void> => {},
    signIn(app: string, userId: string, expiresAt = Date.now() + 3_600_000): string {
      const token = createSessionToken(app);
      sessions.set(hashOf(token), { app, userId, expiresAt });
      return token;
    },
    leave(app: string, conversationId: string, userId: string): void {
      const key = `${app}/${conversationId}`;
      const before = this.participants.get(key) ?? [];
      this.participants.set(
        key,
        before.filter((one) => one !== userId),
      );
      this.left.add(`${key}/${userId}`);
    },
    converse(app: string, participants: readonly string[]): string {
      const conversationId = randomUUID();
      this.participants.set(`${app}/${conversationId}`, participants);
      return conversationId;
    },
  };
}
export type World = ReturnType<typeof aWorld>;

export const hashOf = (token: string): string => readSessionToken(token)?.hash ?? "";

/** The directory, as far as this service asks it. */
export const openDirectory = (infra: Infra, world: World): Promise<Peer> =>
  openPeer(infra, "directory", [
    consumer({
      queue: "directory.queries",
      handlers: [
        on(AuthenticateSession, async ({ app, payload: { hash } }) => {
          const found = world.sessions.get(hash);
          await world.whileAuthenticating(hash);
          return reply({ session: found?.app === app ? { userId: found.userId, expiresAt: found.expiresAt } : null });
        }),
        on(GetAppSettings, async () => reply({ settings: SETTINGS })),
        on(GetIdentities, async () => reply({ identities: [] })),
        on(GetUser, async ({ payload: { userId } }) => {
          // Whom somebody follows is known, by name only.
          const isKnown = [...world.follows.values()].some((ids) => ids.includes(userId));
          const user: User | null = isKnown ? { userId, identity: null, isSuspended: false, externalUnread: 0 } : null;
          return reply({ user });
        }),
        on(ListFollowers, async ({ payload: { userId } }) =>
          reply({ followers: [...world.follows].filter(([, ids]) => ids.includes(userId)).map(([id]) => id) }),
        ),
        on(ListFollowing, async ({ payload: { userId } }) => {
          const following = (world.follows.get(userId) ?? []).map((one) => ({ userId: one, identity: null }));
          return reply({ following, total: following.length });
        }),
        on(FindBlockers, async ({ payload: { checks } }) =>
          reply({
            blockers: checks.map(({ senderId, userIds }) =>
              userIds.filter((one) => world.blockers.get(senderId)?.includes(one)),
            ),
          }),
        ),
        on(FindFollowed, async ({ payload: { userId, userIds } }) =>
          reply({ followed: userIds.filter((one) => world.follows.get(userId)?.includes(one)) }),
        ),
      ],
    }),
  ]);

/** The conversation service: every message that is asked for is Bob's, and is seen by all who take part. */
export const openConversation = (infra: Infra, world: World): Promise<Peer> =>
  openPeer(infra, "conversation", [
    consumer({
      queue: "conversation.queries",
      handlers: [
        on(FindParticipants, async ({ app, payload: { conversationIds } }) =>
          reply({
            found: conversationIds.flatMap((conversationId) => {
              const participants = world.participants.get(`${app}/${conversationId}`);
              return participants ? [{ conversationId, participants: [...participants] }] : [];
            }),
          }),
        ),
        on(GetConversationViews, async ({ app, payload: { conversationId, userIds, messageIds } }) => {
          world.viewsAsked += 1;
          if (world.unanswered.has(conversationId)) throw new DomainError("internal_server_error");
          const participants = world.participants.get(`${app}/${conversationId}`);
          if (!participants) return reply({ state: "absent", conversation: null, messages: [], views: [] });
          const { isUnread, receivedAt, ...message } = aUserMessage({ conversationId, parts: [aPart(world)] });
          const seen = (messageId: string) => ({ messageId, isUnread, receivedAt });
          const standings = new Map(
            userIds.map((userId) => [userId, standingOf(world, `${app}/${conversationId}`, userId)] as const),
          );
          await world.whileViewing(conversationId);
          return reply({
            state: "present",
            conversation: { ...CONVERSATION, conversationId, participants: [...participants] },
            messages: messageIds.map((messageId) => ({ ...message, messageId })),
            views: [...standings].map(([userId, standing]) => ({
              userId,
              standing,
              isHidden: false,
              clearedThrough: 0,
              lastMessage: null,
              unreadCount: 1,
              messageCount: 1,
              messages: messageIds.map(seen),
            })),
          });
        }),
      ],
    }),
    consumer({
      queue: "conversation.conversations",
      handlers: [
        on(SendMessage, async ({ app, payload }) => {
          const { conversationId, sender } = payload;
          const participants = world.participants.get(`${app}/${conversationId}`);
          if (!participants) throw new DomainError("not_found");
          if ("userId" in sender && !participants.includes(sender.userId)) throw new DomainError("access_denied");
          const { isUnread: _isUnread, receivedAt: _receivedAt, ...message } = aUserMessage({ conversationId, sender });
          return reply<ReplyOf<typeof SendMessage>>({
            outcome: "sent",
            message: { ...message, messageId: payload.messageId },
          });
        }),
      ],
    }),
  ]);

function standingOf(world: World, conversation: string, userId: string) {
  if (world.participants.get(conversation)?.includes(userId)) return "participant";
  return world.left.has(`${conversation}/${userId}`) ? "left" : "stranger";
}

const aPart = ({ messageBytes }: World) => ({
  partId: "a0a0a0a0-0000-4000-8000-000000000001",
  mimeType: "text/plain",
  body: "x".repeat(messageBytes),
  encoding: null,
  content: null,
  updatedAt: null,
});

export const environment = (infra: Infra): Record<string, string> => ({
  AMQP_URL: infra.amqpUrl,
  MONGO_URL: infra.mongoUrl("realtime"),
  REDIS_URL: infra.redisUrl,
  REDIS_KEY_PREFIX: infra.redisPrefix,
  METRICS_PORT: "0",
  SOCKET_PORT: "0",
  PUBLIC_URL: BASE_URL,
  CONTENT_KEY: randomBytes(32).toString("base64"),
  DRAIN_MS: "200",
});

/** The service itself, with the port on which it listens. */
export async function startRealtime(
  infra: Infra,
  env: Readonly<Record<string, string>> = {},
): Promise<InProcessService & { readonly port: number }> {
  let port = 0;
  const log = testLogger("realtime");
  const listening = {
    ...log,
    info(message: string, fields?: Readonly<Record<string, unknown>>) {
      if (message === "listening") port = Number(fields?.["port"]);
      log.info(message, fields);
    },
  };
  const config = loadConfig({ ...environment(infra), ...env });
  const service = await startInProcess(start, { name: "realtime", config, log: listening });
  return Object.assign(service, { port });
}
