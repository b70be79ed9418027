import { randomBytes, randomUUID } from "node:crypto";
import {
  type AudienceFilter,
  type ConversationLimits,
  FindBlockers,
  FindUnknownUsers,
  GetUser,
  MakeUsersKnown,
  MatchesAudience,
  GetAppOpening,
  MatchUsers,
  partitionOf,
  RecordAct,
  ReportDeletion,
  type ServiceName,
  type User,
} from "@strata/contracts";
import { ack, type Broker, type Consumer, consumer, on, openBroker, reply } from "@strata/messaging";
import { createReadiness, openMongo, openRedis, type ServiceContext } from "@strata/runtime";
import { type Infra, type InProcessService, openInfra, startInProcess, testLogger } from "@strata/testing";
import type { Db } from "mongodb";
import { Registry } from "prom-client";
import { type Config, loadConfig } from "../src/config.ts";
import { beginConversation, type ConversationRow } from "../src/domain/conversation.ts";
import { newMembership } from "../src/domain/membership.ts";
import { messagePolicies } from "../src/message-policies.ts";
import { messageRates } from "../src/message-rates.ts";
import { policing } from "../src/policing.ts";
import { start } from "../src/start.ts";
import { mongoBanStore } from "../src/store/ban-store.ts";
import { mongoContentStore } from "../src/store/content-store.ts";
import { mongoConversationMessages } from "../src/store/conversation-messages.ts";
import { mongoConversationStore } from "../src/store/conversation-store.ts";
import { mongoForgottenUserStore } from "../src/store/forgotten-user-store.ts";
import { mongoInviteStore } from "../src/store/invite-store.ts";
import { mongoMembershipRuleStore } from "../src/store/membership-rule-store.ts";
import { mongoMembershipStore } from "../src/store/membership-store.ts";
import { mongoMessagePolicyStore } from "../src/store/message-policy-store.ts";
import { mongoMessageReceiptStore } from "../src/store/message-receipt-store.ts";
import { mongoMessageStore } from "../src/store/message-store.ts";
import { mongoRuleMemberStore } from "../src/store/rule-member-store.ts";
import { mongoRuleRunStore } from "../src/store/rule-run-store.ts";
import { mongoRefusedMessageStore } from "../src/store/refused-message-store.ts";
import { mongoScheduleStore } from "../src/store/schedule-store.ts";
import { mongoSearchStore } from "../src/store/search-store.ts";
import { mongoTimelineStore } from "../src/store/timeline-store.ts";
import { mongoUserRecordsStore } from "../src/store/user-records-store.ts";

export { aDelivery, recordingPublisher } from "@strata/messaging/testing";

/** The stores of this service in a database of the test's own, with their indexes. */
export async function openStores(name: string) {
  const infra = await openInfra(name);
  const mongo = await openMongo(infra.mongoUrl("conversation"), testLogger("conversation"));
  const stores = {
    conversations: mongoConversationStore(mongo.db),
    memberships: mongoMembershipStore(mongo.db),
    invites: mongoInviteStore(mongo.db),
    rules: mongoMembershipRuleStore(mongo.db),
    runs: mongoRuleRunStore(mongo.db),
    members: mongoRuleMemberStore(mongo.db),
    messages: mongoMessageStore(mongo.db),
    schedules: mongoScheduleStore(mongo.db),
    bans: mongoBanStore(mongo.db),
    contents: mongoContentStore(mongo.db),
    refusedMessages: mongoRefusedMessageStore(mongo.db),
  };
  await Promise.all(Object.values(stores).map((store) => store.ensureIndexes()));
  const policyStore = mongoMessagePolicyStore(mongo.db);
  const policies = messagePolicies(policyStore);
  const log = testLogger("conversation");
  const rates = await openRedis(infra.redisUrl, log, { keyPrefix: infra.redisPrefix });
  return {
    ...stores,
    policyStore,
    messagePolicies: policies,
    policing: policing({ ...stores, messagePolicies: policies, messageRates: messageRates(rates.redis, log) }),
    forgottenUsers: mongoForgottenUserStore(mongo.db),
    conversationMessages: mongoConversationMessages(mongo.db),
    userRecords: mongoUserRecordsStore(mongo.db),
    timelines: mongoTimelineStore(mongo.db),
    messageReceipts: mongoMessageReceiptStore(mongo.db),
    searches: mongoSearchStore(mongo.db),
    db: mongo.db,
    now: Date.now,
    async [Symbol.asyncDispose]() {
      await rates.close();
      await mongo.close();
      await infra[Symbol.asyncDispose]();
    },
  };
}
type Stores = Pick<Awaited<ReturnType<typeof openStores>>, "conversations" | "memberships">;

export const aConversationId = (): string => randomUUID();

export const limits = (changed: Partial<ConversationLimits> = {}): ConversationLimits => ({
  maxParticipants: 250,
  maxMetadataBytes: 2_048,
  ...changed,
});

/** A conversation as a command made it, with its memberships. */
export async function aConversation(
  { conversations, memberships }: Stores,
  app: string,
  participants: readonly string[],
  changed: Partial<ConversationRow> = {},
): Promise<ConversationRow> {
  const row = {
    ...beginConversation({
      app,
      conversationId: aConversationId(),
      participants,
      distinct: false,
      metadata: {},
      at: 1_000,
      by: randomUUID(),
    }),
    ...changed,
  };
  await conversations.insertOrFind(row);
  await memberships.insertMissing(participants.map((userId) => newMembership(row, userId, row.createdAt)));
  return row;
}

/** Messages of a conversation as far as deleting and clearing it look at them: positions 1 to `count`, unread by some. */
export const insertMessages = (
  db: Db,
  { app, conversationId }: ConversationRow,
  count: number,
  unread: readonly string[],
): Promise<unknown> =>
  db.collection<{ _id: string }>("messages").insertMany(
    Array.from({ length: count }, (_, index) => ({
      _id: `${app}/${randomUUID()}`,
      app,
      conversation: conversationId,
      position: index + 1,
      unread: [...unread],
    })),
  );

/** Naming users to a directory that knows them all; says whom it was asked about. */
export function namingUsers() {
  const named: string[][] = [];
  const knownUsers = {
    async ensure(_app: string, userIds: readonly string[]) {
      named.push([...userIds]);
    },
  };
  return { named, knownUsers };
}

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

/** What the directory peer knows; a test may add to it at any time. */
export interface Directory extends Peer {
  /** Users whose ids begin with "nobody" are unknown until they are in here. */
  readonly madeKnown: Set<string>;
  /** The time by which each of them was named last. */
  readonly namedAt: Map<string, number>;
  /** Who blocks a sender, by the sender. */
  readonly blockers: Map<string, readonly string[]>;
  /** Who may be in an audience, and who of them matches a filter. */
  readonly audience: {
    users: readonly string[];
    matches: (filter: AudienceFilter | null, userId: string) => boolean;
  };
  /** Of every app. */
  readonly opening: { isOpen: boolean; since: number };
}

/** A directory on the real broker, as far as this service asks it. */
export async function openDirectory(infra: Infra): Promise<Directory> {
  const madeKnown = new Set<string>();
  const namedAt = new Map<string, number>();
  const blockers = new Map<string, readonly string[]>();
  const opening: Directory["opening"] = { isOpen: true, since: 0 };
  const audience: Directory["audience"] = { users: [], matches: () => false };
  const isUnknown = (userId: string): boolean => userId.startsWith("nobody") && !madeKnown.has(userId);
  const peer = await openPeer(infra, "directory", [
    consumer({
      queue: "directory.users",
      handlers: [
        on(MakeUsersKnown, async ({ payload }) => {
          for (const userId of payload.userIds) {
            madeKnown.add(userId);
            namedAt.set(userId, payload.at);
          }
          return ack;
        }),
      ],
    }),
    // Who set what is written down: whoever cares looks at what the handler sends.
    consumer({ queue: "directory.admin", handlers: [on(RecordAct, async () => ack)] }),
    consumer({ queue: "directory.deletions", handlers: [on(ReportDeletion, async () => ack)] }),
    consumer({
      queue: "directory.queries",
      handlers: [
        on(FindUnknownUsers, async ({ payload }) => reply({ unknown: payload.userIds.filter(isUnknown) })),
        on(FindBlockers, async ({ payload }) =>
          reply({
            blockers: payload.checks.map(({ senderId, userIds }) => {
              const blocking = new Set(blockers.get(senderId));
              return userIds.filter((userId) => blocking.has(userId));
            }),
          }),
        ),
        on(MatchesAudience, async ({ payload: { filter, userId } }) =>
          reply({ matches: audience.matches(filter, userId) }),
        ),
        on(MatchUsers, async ({ payload: { filter, partition, after, limit } }) => {
          const behind = audience.users
            .filter((userId) => partitionOf(userId) === partition && (after === null || userId > after))
            .toSorted();
          const page = behind.slice(0, limit);
          const userIds = page.filter((userId) => audience.matches(filter, userId));
          return reply({ userIds, next: behind.length > limit ? (page.at(-1) ?? null) : null });
        }),
        on(GetAppOpening, async () => reply({ ...opening })),
        on(GetUser, async ({ payload: { userId } }) => {
          const user: User = { userId, identity: null, isSuspended: false, externalUnread: 0 };
          return reply({ user: isUnknown(userId) ? null : user });
        }),
      ],
    }),
  ]);
  return Object.assign(peer, { madeKnown, namedAt, blockers, audience, opening });
}

/** The service itself. The queues that its events need must exist (`declareSubscriberQueues`), and a directory answer. */
export const startConversation = (
  infra: Infra,
  env: NodeJS.ProcessEnv = {},
  now: () => number = Date.now,
): Promise<InProcessService> =>
  startInProcess((context: ServiceContext<Config>) => start(context, now), {
    name: "conversation",
    config: loadConfig({
      AMQP_URL: infra.amqpUrl,
      MONGO_URL: infra.mongoUrl("conversation"),
      METRICS_PORT: "0",
      ORDERED_QUEUES: "2",
      CONTENT_PORT: "0",
      CONTENT_KEY: randomBytes(32).toString("base64"),
      ...env,
    }),
  });
