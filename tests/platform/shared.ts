import { type Platform, type PlatformOptions, startPlatform } from "./platform.ts";

/**
 * One platform for several test files of a process, started by whichever runs first and ended after the last test. For
 * files that need one, not one that they may kill: each has an app of its own, so that none sees another's objects. To start
 * a platform takes longer than many a file's tests.
 */
export function sharedPlatform(name: string, options: PlatformOptions = {}): () => Promise<Platform> {
  let starting: Promise<Platform> | undefined;
  // Called outside of every `describe`, so it is the end of all of them.
  after(async function end() {
    this.timeout(60_000);
    await (await starting)?.[Symbol.asyncDispose]();
  });
  // A failed start fails the file that asked for it; the next one tries anew.
  const start = () =>
    startPlatform(name, options).catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
  return () => (starting ??= start());
}
