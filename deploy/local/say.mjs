// What the commands print. Progress goes to standard error where it is only progress, so that the standard output of
// `npm run strata` or `npm run bench` stays what a script can read.

// A reader that went away (a closed pipe, an ended npm) must not keep a command from stopping what it started.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

/** One line of progress. @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** An error whose message tells the reader what to do: printed without a stack trace. */
export class Advice extends Error {}

/** Ends the command with the error's message; a stack only for what nobody foresaw. @param {unknown} error */
export function fail(error) {
  if (error instanceof Advice) say(`\n${error.message}`);
  else say(`\n${error instanceof Error ? error.stack : String(error)}`);
  process.exitCode = 1;
}

/**
 * Runs one long step and says how long it took.
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} step
 * @returns {Promise<T>}
 */
export async function timed(title, step) {
  const startedAt = Date.now();
  say(`${title} …`);
  const result = await step();
  say(`${title}: ${seconds(Date.now() - startedAt)}`);
  return result;
}

/** @param {number} ms */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
