import { AssertionError } from "node:assert";
import { setTimeout as pause } from "node:timers/promises";
import { inspect, isDeepStrictEqual } from "node:util";

type Seen<T> = { readonly value: T } | { readonly error: unknown } | "no answer";

const describe = (seen: Seen<unknown>): string => {
  if (seen === "no answer") return "the probe did not answer";
  if ("error" in seen) return `the probe failed: ${inspect(seen.error)}`;
  return `the last value was ${inspect(seen.value, { depth: 6 })}`;
};

const isPredicate = <T>(expected: T | ((value: T) => boolean)): expected is (value: T) => boolean =>
  typeof expected === "function";

const ask = async <T>(probe: () => T | Promise<T>): Promise<Seen<T>> => {
  try {
    return { value: await probe() };
  } catch (error) {
    return { error };
  }
};

/** The probe's answer, or "no answer": a probe that hangs must not outlast the deadline. */
const askWithin = async <T>(probe: () => T | Promise<T>, limitMs: number): Promise<Seen<T>> => {
  const giveUp = new AbortController();
  const late = pause(limitMs, "no answer" as const, { signal: giveUp.signal });
  // Once the probe has answered, nobody listens to the timer that is called off.
  late.catch(() => {});
  try {
    return await Promise.race([ask(probe), late]);
  } finally {
    giveUp.abort();
  }
};

/**
 * Asks `probe` until its answer is (deeply) `expected`, or satisfies it, and returns that answer. A probe that throws is
 * asked again. After the deadline it throws an assertion error that shows the last answer.
 */
export const eventually = async <T>(
  probe: () => T | Promise<T>,
  expected: T | ((value: T) => boolean),
  options: { readonly deadlineMs?: number; readonly everyMs?: number } = {},
): Promise<T> => {
  const { deadlineMs = 10_000, everyMs = 25 } = options;
  const isExpected = isPredicate(expected) ? expected : (value: T) => isDeepStrictEqual(value, expected);
  // Taken here, so that the error points at the test and not at the loop below.
  const origin = { stack: "" };
  Error.captureStackTrace(origin, eventually);

  const deadline = performance.now() + deadlineMs;
  let last: Seen<T> = "no answer";
  for (let leftMs = deadlineMs; leftMs > 0; leftMs = deadline - performance.now()) {
    const seen = await askWithin(probe, leftMs);
    // What a probe that hung in the end had said before tells more than that it hung.
    if (seen !== "no answer") last = seen;
    if (typeof seen === "object" && "value" in seen && isExpected(seen.value)) return seen.value;
    await pause(everyMs);
  }

  const wanted = isPredicate(expected) ? "the condition to hold" : inspect(expected, { depth: 6 });
  const failure = new AssertionError({
    message: `expected ${wanted} within ${deadlineMs} ms, but ${describe(last)}`,
    ...(typeof last === "object" && "value" in last && !isPredicate(expected) ? { actual: last.value, expected } : {}),
  });
  failure.stack = [`AssertionError: ${failure.message}`, ...origin.stack.split("\n").slice(1)].join("\n");
  throw failure;
};
