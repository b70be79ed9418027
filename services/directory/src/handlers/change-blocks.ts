import { BlocksChanged, type ChangeBlocks, type EmptyReply, MAX_BLOCKS, type PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { areSameBlocks, blocksAfter } from "../domain/blocks.ts";
import { isKnownAt } from "../domain/user.ts";
import type { BlockStore } from "../store/block-store.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import { makeKnown } from "./make-known.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly blocks: BlockStore;
  readonly publisher: Publisher;
}

/** Changes a user's list. Its document remembers the last command, so one that comes again tells of its change again. */
export const changeBlocks =
  ({ identities, blocks, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeBlocks>>): Promise<Outcome<EmptyReply>> => {
    const { id, app, payload, sentAt } = delivery;
    const { userId, changes, at } = payload;
    if (payload.makeKnown) await makeKnown({ identities, publisher }, delivery, [userId], at);
    const user = await identities.find(app, userId);
    if (!user || !isKnownAt(user, sentAt)) return refuse(new DomainError("not_found"));

    let list = await blocks.find(app, userId);
    if (list.by !== id) {
      const after = blocksAfter(list, changes, payload.decisionId ?? null);
      if (areSameBlocks(list, after)) return ack;
      if (after.blocked.length > MAX_BLOCKS) return refuse(new DomainError("invalid_property", { property: "blocks" }));
      list = await blocks.replace(app, userId, list, after, id);
    }
    const { version } = list;
    await publisher.emit(
      BlocksChanged,
      app,
      { userId, version },
      { id: `${id}.blocks-changed`, cause: delivery, subjectVersion: version },
    );
    return ack;
  };
