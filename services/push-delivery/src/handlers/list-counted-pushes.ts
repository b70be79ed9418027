import type { ListCountedPushes, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { CapStore } from "../store/cap-store.ts";

/** What was pushed to a user, as far as it counts under her caps. */
export const listCountedPushes =
  ({
    caps,
  }: {
    readonly caps: Pick<CapStore, "takenBy">;
  }): Handler<PayloadOf<typeof ListCountedPushes>, ReplyOf<typeof ListCountedPushes>> =>
  async ({ app, payload: { userId } }) =>
    reply({ pushes: [...(await caps.takenBy(app, userId))] });
