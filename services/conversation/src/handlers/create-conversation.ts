import {
  ConversationCreated,
  type CreateConversation,
  type Metadata,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { breakIce, tellSchedule } from "../conversation-steps.ts";
import { beginConversation, conversationOf, type ConversationRow } from "../domain/conversation.ts";
import { rolesIn } from "../domain/governance.ts";
import { isUnopened, nextStep } from "../domain/lifecycle.ts";
import { newMembership } from "../domain/membership.ts";
import { isSameMetadata, metadataBytes } from "../domain/metadata.ts";
import type { KnownUsers } from "../known-users.ts";
import { forgetLate } from "../late-participants.ts";
import { inviteWith } from "../invited-users.ts";
import type { InviteStore } from "../store/invite-store.ts";
import { tellFirstRoles } from "../told-governance.ts";
import type { SendingDeps } from "./send-message.ts";

interface Deps extends SendingDeps {
  readonly knownUsers: KnownUsers;
  readonly invites: InviteStore;
}

type Creation = Delivery<PayloadOf<typeof CreateConversation>>;
type Created = ReplyOf<typeof CreateConversation>;

/**
 * Creates a conversation with its memberships and says so; a distinct one only where its participants have none. The
 * stored row decides: the command that made it does every step again when it comes again, any other finds or is refused.
 * What is made for later says no more than that it will be: all else follows as it opens.
 */
export const createConversation =
  (deps: Deps) =>
  async (delivery: Creation): Promise<Outcome<Created>> => {
    const { memberships, knownUsers } = deps;
    const { app, payload } = delivery;
    const participants = [...new Set(payload.participants)];
    const property = beyondLimits(payload, participants);
    if (property !== null) return refuse(new DomainError("invalid_property", { property }));

    const { conversationId, metadata, creator = null, invited = [] } = payload;
    await knownUsers.ensure(app, [...new Set([...participants, ...invited])], delivery);
    const row = await insertOrFind(deps, delivery, participants);
    if (row.conversationId !== conversationId) return reply(foundInstead(row, metadata));
    const isHidden = row.deletedAt !== undefined || (creator !== null && isUnopened(row));
    if (isHidden) return reply({ outcome: "in-use", conversation: null });
    if (row.by !== delivery.id) return reply({ outcome: "in-use", conversation: conversationOf(row) });

    const at = delivery.sentAt.getTime();
    await memberships.insertMissing(row.participants.map((userId) => newMembership(row, userId, at)));
    const begun = isMadeForLater(row) ? row : await begin(deps, row, delivery);
    await tellFirstRoles(deps)(begun, rolesIn(payload.roles, participants), delivery);
    await tellSchedule(deps)(begun, delivery);
    await inviteWith(deps)(begun, invited, delivery);
    await forgetLate(deps)({ app, conversationId, userIds: row.participants, at }, delivery);
    return reply({ outcome: "created", conversation: conversationOf(begun) });
  };

/** A user is not held up by a distinct one that she cannot see: that one stays what it is, but for being distinct. */
async function insertOrFind(
  { conversations, now }: Deps,
  { app, id, payload }: Creation,
  participants: readonly string[],
): Promise<ConversationRow> {
  const { conversationId, distinct, metadata, terms, roles, creator = null } = payload;
  const beginning = { app, conversationId, participants, distinct, metadata: metadata ?? {}, terms, roles };
  const row = beginConversation({ ...beginning, at: now(), by: id });
  const dueAt = row.lifecycle ? (nextStep(row.lifecycle, now())?.at ?? null) : null;
  const found = await conversations.insertOrFind(row, dueAt);
  if (creator === null || found.conversationId === conversationId || !isUnopened(found)) return found;
  await conversations.yieldDistinct(found);
  return conversations.insertOrFind(row, dueAt);
}

/** Also where it has opened since its command came first. */
const isMadeForLater = ({ lifecycle }: ConversationRow): boolean => (lifecycle?.opensAt ?? null) !== null;

/** It is there for everybody, and says what it begins with. Answers it as it is then. */
async function begin(deps: Deps, row: ConversationRow, delivery: Creation): Promise<ConversationRow> {
  const { app, conversationId, createdAt, distinct } = row;
  await deps.publisher.emit(
    ConversationCreated,
    app,
    { conversationId, createdAt, participants: [...row.participants], distinct },
    { id: `${delivery.id}.conversation-created`, cause: delivery, subjectVersion: row.version },
  );
  if (!row.lifecycle?.iceBreaker.length) return row;
  await breakIce(deps)(row, delivery.id, delivery);
  return (await deps.conversations.find(app, conversationId)) ?? row;
}

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
