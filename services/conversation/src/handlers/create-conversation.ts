import {
  ConversationCreated,
  type CreateConversation,
  type Metadata,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { beginConversation, conversationOf, type ConversationRow } from "../domain/conversation.ts";
import { newMembership } from "../domain/membership.ts";
import { isSameMetadata, metadataBytes } from "../domain/metadata.ts";
import type { KnownUsers } from "../known-users.ts";
import { forgetLate } from "../late-participants.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { ForgottenUserStore } from "../store/forgotten-user-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly forgottenUsers: ForgottenUserStore;
  readonly knownUsers: KnownUsers;
  readonly publisher: Publisher;
}

type Creation = Delivery<PayloadOf<typeof CreateConversation>>;
type Created = ReplyOf<typeof CreateConversation>;

/**
 * Creates a conversation with its memberships and says so; a distinct one only where its participants have none. The
 * stored row decides: the command that made it does every step again when it comes again, any other finds or is refused.
 */
export const createConversation =
  (deps: Deps) =>
  async (delivery: Creation): Promise<Outcome<Created>> => {
    const { conversations, memberships, knownUsers, publisher } = deps;
    const { app, payload } = delivery;
    const participants = [...new Set(payload.participants)];
    const property = beyondLimits(payload, participants);
    if (property !== null) return refuse(new DomainError("invalid_property", { property }));

    await knownUsers.ensure(app, participants, delivery);
    const { conversationId, distinct, metadata } = payload;
    const row = await conversations.insertOrFind(
      beginConversation({
        app,
        conversationId,
        participants,
        distinct,
        metadata: metadata ?? {},
        at: Date.now(),
        by: delivery.id,
      }),
    );
    if (row.conversationId !== conversationId) return reply(foundInstead(row, metadata));
    if (row.deletedAt !== undefined) return reply({ outcome: "in-use", conversation: null });
    if (row.by !== delivery.id) return reply({ outcome: "in-use", conversation: conversationOf(row) });

    const at = delivery.sentAt.getTime();
    await memberships.insertMissing(row.participants.map((userId) => newMembership(row, userId, at)));
    await publisher.emit(
      ConversationCreated,
      app,
      { conversationId, createdAt: row.createdAt, participants: [...row.participants], distinct: row.distinct },
      { id: `${delivery.id}.conversation-created`, cause: delivery, subjectVersion: row.version },
    );
    await forgetLate(deps)({ app, conversationId, userIds: row.participants, at }, delivery);
    return reply({ outcome: "created", conversation: conversationOf(row) });
  };

const beyondLimits = (
  { limits, metadata }: Creation["payload"],
  participants: readonly string[],
): "participants" | "metadata" | null => {
  if (participants.length > limits.maxParticipants) return "participants";
  return metadata !== null && metadataBytes(metadata) > limits.maxMetadataBytes ? "metadata" : null;
};

/** The distinct conversation that is there already. It stays as it is, whatever was wanted of it. */
const foundInstead = (row: ConversationRow, wanted: Metadata | null): Created => ({
  outcome: wanted === null || isSameMetadata(wanted, row.metadata) ? "found" : "conflict",
  conversation: conversationOf(row),
});
