import { type Platform, startPlatform } from "@strata/tests-platform";

let starting: Promise<Platform> | undefined;

/**
 * The one platform of all journeys that only need one, not one that they may kill: each has an app of its own, so that
 * none sees another's objects. To start it takes more than many a journey.
 */
export const sharedPlatform = (): Promise<Platform> =>
  (starting ??= startPlatform("journeys", { env: { gateway: { REQUEST_DEADLINE_MS: "20000" } } }));

// Outside of every `describe`: after the last test of the last file.
after(async function stop() {
  this.timeout(60_000);
  await (await starting)?.[Symbol.asyncDispose]();
});
