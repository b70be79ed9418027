import { createHash } from "node:crypto";
import type { RateRule } from "@strata/contracts";
import type { Logger } from "@strata/runtime";
import type { Redis } from "ioredis";
import { z } from "zod";
import { senderUser } from "./domain/message.ts";
import type { Sending } from "./domain/sending.ts";

/** One question: may this command still be placed by this rule. */
export interface RateQuestion {
  readonly sending: Sending;
  readonly rule: RateRule;
}

export interface MessageRates {
  /** Counts these, in order; the rules by which one is too many, by command. It never throws: without Redis nothing is too many. */
  count(questions: readonly RateQuestion[], now: number): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
}

/**
 * A member for each command that was placed within the window. The command is the member: one that comes again is found, and
 * answered as it was the first time, without being counted twice. Never more than the rule allows is kept.
 */
const SCRIPT = `
local now, window, max = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('ZSCORE', KEYS[1], ARGV[4]) then return 1 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= max then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], window)
return 1
`;

const Allowed = z.union([z.literal(0), z.literal(1)]);

/** Rates in Redis, shared by all replicas; null: no Redis, and nothing is ever too many. */
export function messageRates(redis: Redis | null, log: Logger): MessageRates {
  return {
    async count(questions, now) {
      const exceeded = new Map<string, Set<string>>();
      if (redis === null || questions.length === 0) return exceeded;
      try {
        // One connection keeps the order, and all of them are one round trip.
        const answers = await Promise.all(
          questions.map(({ sending, rule }) =>
            redis.eval(SCRIPT, 1, keyOf(sending, rule), now, rule.windowSeconds * 1_000, rule.max, sending.id),
          ),
        );
        for (const [index, { sending, rule }] of questions.entries()) {
          if (Allowed.parse(answers[index]) === 1) continue;
          exceeded.set(sending.id, new Set([...(exceeded.get(sending.id) ?? []), rule.name]));
        }
      } catch (error) {
        log.warn("message rates are not counted while redis is away", { error });
      }
      return exceeded;
    },
  };
}

/** Whose count it is. Hashed: names and user ids may be anything, and long. */
function keyOf(
  { app, payload: { sender, conversationId } }: Sending,
  { name, per, windowSeconds, max }: RateRule,
): string {
  const user = senderUser(sender);
  const who = user === null ? { name: "name" in sender ? sender.name : "" } : { user };
  const whose = {
    sender: [who],
    conversation: [conversationId],
    sender_in_conversation: [who, conversationId],
    app: [],
  }[per];
  const text = JSON.stringify([app, name, per, windowSeconds, max, ...whose]);
  return `message-rate:${createHash("sha256").update(text).digest("base64url")}`;
}
