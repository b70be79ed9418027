import { layerWebSdk } from "./ws3.suite.ts";
import { layerXdk } from "./xdk.suite.ts";
import { openWorld, type World } from "./support/world.ts";

/**
 * The two clients that Layer published, as they are on npm, in a real browser against all services as processes: what a
 * customer's web app does that is only pointed at another URL.
 */
describe("the published clients, against the whole of Strata", function clients() {
  this.timeout(120_000);
  let opened: World | undefined;
  const world = (): World => {
    if (opened === undefined) throw new Error("nothing has been started");
    return opened;
  };
  before(async () => {
    opened = await openWorld();
  });
  after(() => opened?.[Symbol.asyncDispose]());

  layerWebSdk(world);
  layerXdk(world);
});
