import { ChangeBlocks, MAX_BLOCKS } from "@strata/contracts";
import { type BlocksChange, invalidProperty, usesIdentityIds } from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";

/**
 * Changes whom a user blocks. Any number of changes may be asked for (server API 10.3): more than one command holds go
 * one after the other, and what failed in between is made good by asking again. 1.x makes a user known who was never
 * seen (10.7).
 * @throws LayerError 422 `invalid_property` `blocks` beyond what a list holds
 */
export async function changeBlocks(call: Call, userId: string, changes: readonly BlocksChange[]): Promise<void> {
  for (const change of changes) {
    if (change.kind === "set" && change.userIds.length > MAX_BLOCKS) {
      throw invalidProperty("blocks", `cannot have more than ${MAX_BLOCKS} entries`);
    }
  }
  const makeKnown = !usesIdentityIds(call.wire.version);
  let next = 0;
  do {
    const some = changes.slice(next, next + MAX_BLOCKS);
    await call.calls.request(ChangeBlocks, { userId, changes: some, makeKnown, at: Date.now() });
    next += MAX_BLOCKS;
  } while (next < changes.length);
}
