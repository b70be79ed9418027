import { rateLimitExceeded, serviceUnavailable } from "@strata/layer-protocol";
import type { RedisConnection } from "@strata/runtime";
import { z } from "zod";

/** How many accounts may be asked for from one address, by all gateways together. */
export interface SignUpLimit {
  /**
   * Counts one.
   * @throws LayerError 429 `rate_limit_exceeded`, with the time after which there is one again; 503 while nobody can count:
   * this is an open door, which is rather closed than without anybody at it
   */
  take(address: string): Promise<void>;
}

interface Options {
  readonly max: number;
  readonly windowMs?: number;
  readonly redis: RedisConnection["redis"];
}

const HOUR_MS = 3_600_000;
const RETRY_AFTER_SECONDS = 5;

/** One step, so that no count is left without an end. */
const SCRIPT = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { count, redis.call('PTTL', KEYS[1]) }
`;
const Counted = z.tuple([z.number(), z.number()]);

/** An hour begins with the first from an address. Of who asked, nothing is kept beyond it. */
export const signUpLimit = ({ max, windowMs = HOUR_MS, redis }: Options): SignUpLimit => ({
  async take(address) {
    const reply = await redis.eval(SCRIPT, 1, `sign-ups:${address}`, windowMs).catch((error: unknown) => {
      throw serviceUnavailable(RETRY_AFTER_SECONDS, error);
    });
    const [count, leftMs] = Counted.parse(reply);
    if (count > max) throw rateLimitExceeded(leftMs / 1_000);
  },
});
