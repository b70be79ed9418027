import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

/** One user whose unread announcements are counted. */
export interface Reader {
  readonly app: string;
  readonly userId: string;
}

/** A change of one user's announcement; each goes one way only, so that a repeat or a late event changes nothing. */
export interface Transition extends Reader {
  readonly announcementId: string;
}

/** What a count is made of: everything unread, and what was read of the newest, whose events may still come. */
export interface Counted {
  readonly unread: readonly string[];
  readonly read: readonly string[];
}

/** How far a reader has come: the count, or null with the right to make one until an event takes it away. */
export interface Opened {
  readonly count: number | null;
  readonly version: number;
  readonly token: string;
  readonly generation: string;
}

/**
 * Unread announcements in Redis: one hash per user, announcement → u(nread) | r(ead), beside fields that begin with "=",
 * which no id does. It is only a copy: whoever finds it absent counts in MongoDB, under a token that any event removes,
 * so that a count which may have missed one is never kept.
 */
export interface UnreadStore {
  /** The count with a new version; where there is none, `token` is put in its place. */
  open(reader: Reader, token: string): Promise<Opened>;
  /** Keeps a count that was made under a token; false when something happened meanwhile. */
  keep(reader: Reader, opened: Opened, counted: Counted): Promise<boolean>;
  /** What is counted, without touching anything; null when nothing is. */
  peek(reader: Reader): Promise<number | null>;
  /**
   * Of these users, those whose count is kept, without touching anything. `told` is unread by whoever has it neither
   * read nor unread yet: its event is on the way.
   */
  peekAll(app: string, userIds: readonly string[], told: string | null): Promise<ReadonlyMap<string, number>>;
  /** In one round trip each, however many; who has no hash is not touched. */
  markUnread(changes: readonly Transition[]): Promise<void>;
  markRead(changes: readonly Transition[]): Promise<void>;
  /** The next reader counts anew. */
  drop(readers: readonly Reader[]): Promise<void>;
  /** Of one app, everybody's next reader counts anew. */
  dropApp(app: string): Promise<void>;
  /** Some of those who have a count, and where to go on looking; "0" at the end. */
  sample(cursor: string): Promise<{ readonly readers: readonly Reader[]; readonly next: string }>;
}

/** Who is not asked about for so long is counted anew. */
const KEPT_MS = 7 * 86_400_000;
/** How many keys one look at a sample passes over. */
const SAMPLE = 100;

interface Script {
  readonly sha: string;
  readonly source: string;
}

const script = (source: string): Script => ({ sha: createHash("sha1").update(source).digest("hex"), source });

const OPEN = script(`
local time = redis.call('TIME')
local version = math.max(time[1] * 1000000 + time[2], tonumber(redis.call('HGET', KEYS[1], '=version') or '0') + 1)
redis.call('HSET', KEYS[1], '=version', string.format('%.0f', version))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local count = redis.call('HGET', KEYS[1], '=count')
if count and redis.call('HGET', KEYS[1], '=generation') == ARGV[1] then
  return {string.format('%.0f', version), count}
end
redis.call('HSET', KEYS[1], '=token', ARGV[2])
return {string.format('%.0f', version)}`);

// Fields are set in slices, since a call takes some thousands of arguments at most.
const KEEP = script(`
if redis.call('HGET', KEYS[1], '=token') ~= ARGV[1] then return 0 end
local version = redis.call('HGET', KEYS[1], '=version')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '=version', version, '=generation', ARGV[2], '=count', ARGV[4])
local unread = tonumber(ARGV[4])
for n = 5, #ARGV do
  redis.call('HSET', KEYS[1], ARGV[n], n - 4 <= unread and 'u' or 'r')
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`);

// A batch of an announcement is a thousand users, few of whom have a hash: one call for all of them.
const UNREAD = script(`
for n = 1, #KEYS do
  local key = KEYS[n]
  if redis.call('EXISTS', key) == 1 then
    redis.call('HDEL', key, '=token')
    if redis.call('HEXISTS', key, '=count') == 1 and redis.call('HSETNX', key, ARGV[n], 'u') == 1 then
      redis.call('HINCRBY', key, '=count', 1)
    end
  end
end`);

const READ = script(`
for n = 1, #KEYS do
  local key = KEYS[n]
  if redis.call('EXISTS', key) == 1 then
    redis.call('HDEL', key, '=token')
    if redis.call('HEXISTS', key, '=count') == 1 then
      if redis.call('HGET', key, ARGV[n]) == 'u' then redis.call('HINCRBY', key, '=count', -1) end
      redis.call('HSET', key, ARGV[n], 'r')
    end
  end
end`);

// -1: not kept. ARGV[2] is empty where nothing is being told.
const PEEK = script(`
local counts = {}
for n = 1, #KEYS do
  local kept = redis.call('HMGET', KEYS[n], '=generation', '=count', ARGV[2])
  counts[n] = -1
  if kept[2] and kept[1] == ARGV[1] then
    counts[n] = tonumber(kept[2])
    if ARGV[2] ~= '' and not kept[3] then counts[n] = counts[n] + 1 end
  end
end
return counts`);

// The version stays, so that it rises also where the clock of another Redis is behind.
const DROP = script(`
redis.call('HDEL', KEYS[1], '=token', '=count', '=generation')
return 1`);

const keyOf = ({ app, userId }: Reader): string => `unread:${app}:${userId}`;
const generationKey = (app: string): string => `unread-generation:${app}`;

export function redisUnreadStore(redis: Redis, keyPrefix: string): UnreadStore {
  /** Runs a script for many keys in one round trip. It is loaded along, since a Redis that restarted knows none. */
  async function run(
    { sha, source }: Script,
    calls: readonly { readonly keys: readonly string[]; readonly args: readonly (string | number)[] }[],
  ): Promise<readonly unknown[]> {
    if (calls.length === 0) return [];
    const pipeline = redis.pipeline().script("LOAD", source);
    for (const { keys, args } of calls) pipeline.evalsha(sha, keys.length, ...keys, ...args);
    const results = (await pipeline.exec()) ?? [];
    return results.slice(1).map(([error, result]) => {
      if (error) throw error;
      return result;
    });
  }

  const change = (which: Script, changes: readonly Transition[]) =>
    run(
      which,
      inSlices(changes).map((slice) => ({ keys: slice.map(keyOf), args: slice.map((one) => one.announcementId) })),
    );

  /** Made when it is not there, so that a generation that was evicted never comes again. */
  async function generationOf(app: string): Promise<string> {
    const key = generationKey(app);
    await redis.set(key, newGeneration(), "NX");
    return (await redis.get(key)) ?? "";
  }

  return {
    async open(reader, token) {
      const generation = await generationOf(reader.app);
      const [answer] = await run(OPEN, [{ keys: [keyOf(reader)], args: [generation, token, KEPT_MS] }]);
      const [version, count] = Array.isArray(answer) ? answer : [];
      return { version: Number(version), count: count === undefined ? null : Number(count), token, generation };
    },
    async keep(reader, { token, generation }, { unread, read }) {
      const args = [token, generation, KEPT_MS, unread.length, ...unread, ...read];
      const [kept] = await run(KEEP, [{ keys: [keyOf(reader)], args }]);
      return kept === 1;
    },
    async peek(reader) {
      const [generation, [of, count]] = await Promise.all([
        redis.get(generationKey(reader.app)),
        redis.hmget(keyOf(reader), "=generation", "=count"),
      ]);
      return count === null || count === undefined || of !== generation ? null : Number(count);
    },
    async peekAll(app, userIds, told) {
      const generation = (await redis.get(generationKey(app))) ?? "";
      const calls = inSlices(userIds).map((slice) => ({
        keys: slice.map((userId) => keyOf({ app, userId })),
        args: [generation, told ?? ""],
      }));
      const counts = (await run(PEEK, calls)).flat().map(Number);
      return new Map(
        userIds.flatMap((userId, n): [string, number][] => {
          const count = counts[n] ?? ABSENT;
          return count === ABSENT ? [] : [[userId, count]];
        }),
      );
    },
    async markUnread(changes) {
      await change(UNREAD, changes);
    },
    async markRead(changes) {
      await change(READ, changes);
    },
    async drop(readers) {
      await run(
        DROP,
        readers.map((reader) => ({ keys: [keyOf(reader)], args: [] })),
      );
    },
    async dropApp(app) {
      await redis.set(generationKey(app), newGeneration());
    },
    async sample(cursor) {
      const [next, keys] = await redis.scan(cursor, "MATCH", `${globFree(keyPrefix)}unread:*`, "COUNT", SAMPLE);
      return { next, readers: keys.map((key) => readerOf(key.slice(keyPrefix.length))) };
    },
  };
}

const ABSENT = -1;

/** Of one call: Redis does nothing else meanwhile, for a fraction of a millisecond. */
const KEYS_PER_CALL = 500;

const inSlices = <T>(all: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / KEYS_PER_CALL) }, (_, n) =>
    all.slice(n * KEYS_PER_CALL, (n + 1) * KEYS_PER_CALL),
  );

/** Never the same twice, whatever the clock. */
const newGeneration = (): string => crypto.randomUUID();

const globFree = (text: string): string => text.replaceAll(/[\\*?[\]]/g, "\\$&");

function readerOf(key: string): Reader {
  // An app's id has no colon; a user's may.
  const [, app = "", ...userId] = key.split(":");
  return { app, userId: userId.join(":") };
}
