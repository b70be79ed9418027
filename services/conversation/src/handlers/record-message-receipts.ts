import { MessageReceiptsRecorded, type PayloadOf, type RecordMessageReceipt } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { membershipKey } from "../domain/membership.ts";
import { messageKey } from "../domain/message.ts";
import { type OwnReceipt, planReceipts, type ReceiptFacet, type ReceiptPlan } from "../domain/message-receipts.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { MessageReceiptStore } from "../store/message-receipt-store.ts";

interface Deps {
  readonly messageReceipts: MessageReceiptStore;
  readonly memberships: MembershipStore;
  readonly publisher: Publisher;
}

type Reported = Delivery<PayloadOf<typeof RecordMessageReceipt>>;

/** How often others may record the same receipts between the look and the write. */
const ATTEMPTS = 5;

/**
 * Records the receipts of a group in one bulk, and says so in one event per message. The lane is not ordered: a write
 * that comes second changes nothing, and what then is on record says whose receipt it is.
 */
export const recordMessageReceipts =
  (deps: Deps) =>
  async (deliveries: readonly Reported[]): Promise<readonly Outcome<never>[]> => {
    const { refused, own } = await record(deps, deliveries);
    await publish(deps, deliveries, own);
    return deliveries.map((delivery) =>
      refused.has(delivery) ? refuse(new DomainError("not_found", { messageId: delivery.payload.messageId })) : ack,
    );
  };

async function record(deps: Deps, deliveries: readonly Reported[]): Promise<ReceiptPlan> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const facets = await findFacets(deps, deliveries);
    const plan = planReceipts(deliveries, facets, await findMemberships(deps, deliveries, facets));
    if ((await deps.messageReceipts.record(plan.news)) === plan.news.length) return plan;
  }
  throw new Error("receipts were recorded by others again and again");
}

function findFacets({ messageReceipts }: Deps, deliveries: readonly Reported[]) {
  const keys = new Set(deliveries.map(({ app, payload }) => messageKey(app, payload.messageId)));
  const users = new Set(deliveries.map(({ payload }) => payload.userId));
  return messageReceipts.facets([...keys], [...users]);
}

function findMemberships(
  { memberships }: Deps,
  deliveries: readonly Reported[],
  facets: ReadonlyMap<string, ReceiptFacet>,
) {
  const keys = deliveries.flatMap(({ app, payload }) => {
    const facet = facets.get(messageKey(app, payload.messageId));
    return facet ? [membershipKey(app, payload.userId, facet.conversation)] : [];
  });
  return memberships.findMany(keys);
}

async function publish({ publisher }: Deps, deliveries: readonly Reported[], own: readonly OwnReceipt[]) {
  const causes = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  await Promise.all(
    [...Map.groupBy(own, ({ facet }) => facet)].map(async ([facet, some]) => {
      const { app, conversation, messageId, position } = facet;
      const receipts = some.map(({ userId, kind, at }) => ({ userId, kind, at }));
      const cause = causes.get(some[0]?.by ?? "");
      const payload = { conversationId: conversation, messageId, position, receipts };
      await publisher.emit(MessageReceiptsRecorded, app, payload, cause && { cause });
    }),
  );
}
