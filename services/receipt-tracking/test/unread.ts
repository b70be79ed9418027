import type { FindBadgeFacts, InboxKey, ReplyOf } from "@strata/contracts";
import { openRedis } from "@strata/runtime";
import { type Infra, testLogger } from "@strata/testing";
import type { Inboxes } from "../src/inbox.ts";
import { receiptKey } from "../src/domain/receipt-key.ts";
import { redisUnreadStore } from "../src/store/unread-store.ts";
import { openStores } from "./support.ts";

/** Inboxes as announcement-fanout has them, newest first, and what conversation says of messages. */
export interface InboxesPeer extends Inboxes {
  put(userId: string, key: InboxKey): void;
  takeOut(userId: string, announcementId: string): void;
  /** Runs after a page was read and before it is answered, once. */
  meanwhile: (() => Promise<void>) | null;
  /** What was taken back a short while ago. */
  readonly ended: Set<string>;
  /** How many pages were asked for, and about how many users together. */
  asked: number;
  readonly askedTogether: number[];
  /** By user, of messages. */
  readonly unread: Map<string, { readonly messages: number; readonly conversations: number }>;
  /** What the directory says of badges. */
  facts: ReplyOf<typeof FindBadgeFacts>;
}

export function inboxesPeer(): InboxesPeer {
  const inboxes = new Map<string, InboxKey[]>();
  const peer: InboxesPeer = {
    meanwhile: null,
    ended: new Set(),
    asked: 0,
    askedTogether: [],
    unread: new Map(),
    facts: { counting: "messages", withAnnouncements: true, external: [] },
    put(userId, key) {
      inboxes.set(userId, [key, ...(inboxes.get(userId) ?? [])]);
    },
    takeOut(userId, announcementId) {
      inboxes.set(
        userId,
        (inboxes.get(userId) ?? []).filter((key) => key.announcementId !== announcementId),
      );
    },
    async page(_app, { userId }, { behind, since = null, until = Infinity }, limit) {
      peer.asked += 1;
      const all = (inboxes.get(userId) ?? []).filter(({ at }) => at > (since ?? -1) && at <= until);
      const keys = all.filter((key) => behind === null || comesBehind(key, behind)).slice(0, limit);
      const page = { keys, ended: [...peer.ended] };
      const { meanwhile } = peer;
      peer.meanwhile = null;
      await meanwhile?.();
      return page;
    },
    async *pages(app, userId, since) {
      yield await peer.page(app, { userId, knownSince: null }, { behind: null, since }, 1_000);
    },
    async *ofUsers(_app, userIds) {
      peer.askedTogether.push(userIds.length);
      // In parts, as where an answer would be too long.
      const cut = Math.floor(userIds.length / 8);
      for (const part of [userIds.slice(0, cut), userIds.slice(cut)]) {
        const entries = part.flatMap((userId) =>
          (inboxes.get(userId) ?? []).map(({ announcementId }) => ({ announcementId, userId })),
        );
        yield [...Map.groupBy(entries, ({ announcementId }) => announcementId)].map(([announcementId, all]) => ({
          announcementId,
          userIds: all.map(({ userId }) => userId),
        }));
      }
    },
    unreadMessages: async () => ({ messages: 2, conversations: 1 }),
    unreadMessagesOf: async () => peer.unread,
    badgeFacts: async () => peer.facts,
  };
  return peer;
}

const comesBehind = (one: InboxKey, other: InboxKey): boolean =>
  one.at < other.at || (one.at === other.at && one.announcementId > other.announcementId);

/** Everything that unread counts are made of, on a real Redis and a real database. */
export async function openUnread(infra: Infra) {
  const stores = await openStores(infra);
  const connection = await openRedis(infra.redisUrl, testLogger("unread"), { keyPrefix: infra.redisPrefix });
  const { redis } = connection;
  const unread = redisUnreadStore(redis, infra.redisPrefix);
  /** As a flush does, but only of what is this test's own. */
  const flush = async (): Promise<void> => {
    const keys = await redis.keys(`${infra.redisPrefix}*`);
    if (keys.length > 0) await redis.del(keys.map((key) => key.slice(infra.redisPrefix.length)));
  };
  const read = (app: string, announcementId: string, userId: string) =>
    stores.receipts.insertNew([
      {
        key: receiptKey(app, announcementId, "read", userId),
        fact: { userId, kind: "read", at: Date.now() },
        by: "c",
      },
    ]);
  return {
    ...stores,
    unread,
    redis: connection.dependency,
    client: redis,
    flush,
    read,
    async [Symbol.asyncDispose]() {
      await connection.close();
      await stores[Symbol.asyncDispose]();
    },
  };
}
