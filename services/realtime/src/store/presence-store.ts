import { PRESENCE_STATUSES, type PresenceStatus } from "@strata/layer-protocol";
import type { Redis } from "ioredis";

/** One socket of one user. */
export interface PresentSocket {
  readonly app: string;
  readonly userId: string;
  readonly socketId: string;
}

/** One that is there still, with what it was announced as; null: it was not. */
export interface RefreshedSocket extends PresentSocket {
  readonly shownAs: PresenceStatus | null;
}

/** What a user is: `invisible` is for herself alone, others see that as `offline`. */
export interface Presence {
  readonly status: PresenceStatus;
  readonly lastSeenAt: number | null;
}

/**
 * Who is there, in Redis: sockets with a time until which they count, and what each user last chose to be seen as. All of
 * it may be lost at any time: sockets are back with their next refresh.
 */
export interface PresenceStore {
  /** They count for `SOCKET_TTL_MS` more, and are what they were announced as, also where all of that was lost. */
  refresh(sockets: readonly RefreshedSocket[]): Promise<void>;
  remove(socket: PresentSocket): Promise<void>;
  /** She shows herself from this socket on; null: as she last chose, else available. Answers as what. */
  announce(socket: PresentSocket, status: PresenceStatus | null): Promise<PresenceStatus>;
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

const chosen = (choice: unknown): PresenceStatus =>
  PRESENCE_STATUSES.find((status) => status === choice) ?? "available";

/** A pipeline does not fail where its commands do. */
const answersOf = (answers: readonly (readonly [error: Error | null, value: unknown])[] | null): readonly unknown[] =>
  (answers ?? []).map(([error, value]) => {
    if (error) throw error;
    return value;
  });

export function redisPresenceStore(redis: Redis, now: () => number = Date.now): PresenceStore {
  return {
    async refresh(sockets) {
      const until = now() + SOCKET_TTL_MS;
      const pipeline = redis.pipeline();
      for (const { app, userId, socketId, shownAs } of sockets) {
        const key = socketsKey(app, userId);
        pipeline.zadd(key, until, socketId).pexpire(key, SOCKET_TTL_MS);
        if (shownAs === null) continue;
        const shown = shownKey(app, userId);
        pipeline.zadd(shown, until, socketId).pexpire(shown, SOCKET_TTL_MS);
        // Where it was lost, and above all that she hides; not over what she has chosen elsewhere since.
        pipeline.set(choiceKey(app, userId), shownAs, "PX", CHOICE_TTL_MS, "NX");
      }
      answersOf(await pipeline.exec());
    },
    async remove({ app, userId, socketId }) {
      const isHidden = (await redis.get(choiceKey(app, userId))) === "invisible";
      const pipeline = redis.pipeline().zrem(socketsKey(app, userId), socketId).zrem(shownKey(app, userId), socketId);
      // Who hides was not seen, and when she was here is what she hides.
      if (!isHidden) pipeline.set(seenKey(app, userId), now(), "PX", CHOICE_TTL_MS);
      answersOf(await pipeline.exec());
    },
    async announce({ app, userId, socketId }, status) {
      const before = chosen(await redis.get(choiceKey(app, userId)));
      const until = now() + SOCKET_TTL_MS;
      const shown = shownKey(app, userId);
      const pipeline = redis.pipeline().zadd(shown, until, socketId).pexpire(shown, SOCKET_TTL_MS);
      const after = status ?? before;
      pipeline.set(choiceKey(app, userId), after, "PX", CHOICE_TTL_MS);
      // Where she hides from now on, she was seen until now.
      const isSeen = before !== "invisible" || after !== "invisible";
      if (isSeen) pipeline.set(seenKey(app, userId), now(), "PX", CHOICE_TTL_MS);
      answersOf(await pipeline.exec());
      return after;
    },
    async of(app, userIds) {
      const pipeline = redis.pipeline();
      for (const userId of userIds) {
        pipeline.zcount(shownKey(app, userId), now(), "+inf");
        pipeline.get(choiceKey(app, userId)).get(seenKey(app, userId));
      }
      const answers = answersOf(await pipeline.exec());
      return userIds.map((_, index) => {
        const [shown, choice, seen] = answers.slice(index * 3, index * 3 + 3);
        return {
          status: Number(shown) > 0 ? chosen(choice) : "offline",
          lastSeenAt: typeof seen === "string" ? Number(seen) : null,
        };
      });
    },
    async online(app, userIds) {
      const pipeline = redis.pipeline();
      for (const userId of userIds) pipeline.zcount(socketsKey(app, userId), now(), "+inf");
      const answers = answersOf(await pipeline.exec());
      return userIds.filter((_, index) => Number(answers[index]) > 0);
    },
  };
}
