import { announcements } from "./announcements.suite.ts";
import { connections } from "./connections.suite.ts";
import { deleting } from "./deleting.suite.ts";
import { devices } from "./devices.suite.ts";
import { repeating } from "./repeating.suite.ts";
import { talking } from "./talking.suite.ts";
import type { World } from "./support/world.ts";

/** Client reference, section 13, "WS3". The package has no user interface. */
export function layerWebSdk(world: () => World): void {
  describe("layer-websdk 3.4.18", () => {
    talking(world, "ws3");
    repeating(world, "ws3");
    announcements(world, "ws3");
    deleting(world, "ws3");
    devices(world, "ws3");
    connections(world, "ws3");
  });
}
