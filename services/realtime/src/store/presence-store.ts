import { PRESENCE_STATUSES, type PresenceStatus } from "@strata/layer-protocol";
import type { Redis } from "ioredis";

/** One socket of one user. */
export interface PresentSocket {
  readonly app: string;
  readonly userId: string;
  readonly socketId: string;
}

/** What others see of a user. */
export interface Presence {
  readonly status: PresenceStatus;
  readonly lastSeenAt: number | null;
}

/**
 * Who is there, in Redis: sockets with a time until which they count, and what each user last chose to be seen as. All of
 * it may be lost at any time: sockets are back with their next refresh.
 */
export interface PresenceStore {
  /** They count for `ttlMs` more. */
  refresh(sockets: readonly PresentSocket[]): Promise<void>;
  remove(socket: PresentSocket): Promise<void>;
  /** She shows herself from this socket on; null: as she last chose, else available. */
  announce(socket: PresentSocket, status: PresenceStatus | null): Promise<void>;
  /** Of each of these users, in their order. */
  of(app: string, userIds: readonly string[]): Promise<readonly Presence[]>;
  /** Which of them have a socket, whether or not they show themselves. */
  online(app: string, userIds: readonly string[]): Promise<readonly string[]>;
}

/** A process that dies without a word leaves its sockets for so long. */
export const SOCKET_TTL_MS = 90_000;
/** What a user chose is remembered for a month. */
const CHOICE_TTL_MS = 30 * 86_400_000;

/** The user's id comes last and whole: whatever is in it, no two keys are the same. */
const socketsKey = (app: string, userId: string): string => `presence:sockets:${app}:${userId}`;
const shownKey = (app: string, userId: string): string => `presence:shown:${app}:${userId}`;
const choiceKey = (app: string, userId: string): string => `presence:choice:${app}:${userId}`;
const seenKey = (app: string, userId: string): string => `presence:seen:${app}:${userId}`;

export function redisPresenceStore(redis: Redis, now: () => number = Date.now): PresenceStore {
  return {
    async refresh(sockets) {
      const until = now() + SOCKET_TTL_MS;
      const pipeline = redis.pipeline();
      for (const { app, userId, socketId } of sockets) {
        const key = socketsKey(app, userId);
        pipeline.zadd(key, until, socketId).pexpire(key, SOCKET_TTL_MS);
        // Only where it is shown already.
        const shown = shownKey(app, userId);
        pipeline.zadd(shown, "XX", until, socketId).pexpire(shown, SOCKET_TTL_MS);
      }
      await pipeline.exec();
    },
    async remove({ app, userId, socketId }) {
      await redis
        .pipeline()
        .zrem(socketsKey(app, userId), socketId)
        .zrem(shownKey(app, userId), socketId)
        .set(seenKey(app, userId), now(), "PX", CHOICE_TTL_MS)
        .exec();
    },
    async announce({ app, userId, socketId }, status) {
      const until = now() + SOCKET_TTL_MS;
      const shown = shownKey(app, userId);
      const pipeline = redis
        .pipeline()
        .zadd(shown, until, socketId)
        .pexpire(shown, SOCKET_TTL_MS)
        .set(seenKey(app, userId), now(), "PX", CHOICE_TTL_MS);
      if (status !== null) pipeline.set(choiceKey(app, userId), status, "PX", CHOICE_TTL_MS);
      await pipeline.exec();
    },
    async of(app, userIds) {
      const pipeline = redis.pipeline();
      for (const userId of userIds) {
        pipeline.zcount(shownKey(app, userId), now(), "+inf");
        pipeline.get(choiceKey(app, userId)).get(seenKey(app, userId));
      }
      const answers = (await pipeline.exec()) ?? [];
      return userIds.map((_, index) => {
        const [shown, choice, seen] = answers.slice(index * 3, index * 3 + 3).map(([error, value]) => {
          if (error) throw error;
          return value;
        });
        const isThere = Number(shown) > 0;
        const chosen = PRESENCE_STATUSES.find((status) => status === choice) ?? "available";
        return {
          status: isThere && chosen !== "invisible" ? chosen : "offline",
          lastSeenAt: typeof seen === "string" ? Number(seen) : null,
        };
      });
    },
    async online(app, userIds) {
      const pipeline = redis.pipeline();
      for (const userId of userIds) pipeline.zcount(socketsKey(app, userId), now(), "+inf");
      const answers = (await pipeline.exec()) ?? [];
      return userIds.filter((_, index) => Number(answers[index]?.[1] ?? 0) > 0);
    },
  };
}
