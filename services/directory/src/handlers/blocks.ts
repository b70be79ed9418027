import type { FindBlockers, ListBlocks, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { blockersOf } from "../domain/blocks.ts";
import type { BlockStore } from "../store/block-store.ts";
import type { MuteStore } from "../store/mute-store.ts";

/** Whom a user blocks; nobody, of a user who is not known. */
export const listBlocks =
  ({ blocks }: { readonly blocks: BlockStore }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ListBlocks>>): Promise<Outcome<ReplyOf<typeof ListBlocks>>> => {
    const { blocked } = await blocks.find(app, payload.userId);
    return reply({ blocked });
  };

/** Who blocks whom, for a whole group of messages: the writer of conversations asks it before each group it stores. */
export const findBlockers =
  ({ blocks, mutes }: { readonly blocks: BlockStore; readonly mutes: Pick<MuteStore, "findMuted"> }) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof FindBlockers>>): Promise<Outcome<ReplyOf<typeof FindBlockers>>> => {
    const { checks, withMutes = false } = payload;
    const [found, muted] = await Promise.all([
      blocks.among(app, checks),
      withMutes ? mutes.findMuted(app, [...new Set(checks.map(({ senderId }) => senderId))], Date.now()) : null,
    ]);
    const blockers = blockersOf(checks, found);
    return reply(
      muted === null
        ? { blockers }
        : { blockers, mutedUntil: checks.map(({ senderId }) => muted.get(senderId) ?? null) },
    );
  };
