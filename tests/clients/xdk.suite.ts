import { announcements } from "./announcements.suite.ts";
import { connections } from "./connections.suite.ts";
import { deleting } from "./deleting.suite.ts";
import { devices } from "./devices.suite.ts";
import { repeating } from "./repeating.suite.ts";
import { talking } from "./talking.suite.ts";
import { userInterface } from "./user-interface.suite.ts";
import type { World } from "./support/world.ts";

/** Client reference, section 13, "XDK". */
export function layerXdk(world: () => World): void {
  describe("@layerhq/web-xdk 4.0.6", () => {
    talking(world, "xdk");
    repeating(world, "xdk");
    announcements(world, "xdk");
    deleting(world, "xdk");
    devices(world, "xdk");
    connections(world, "xdk");
    userInterface(world);
  });
}
