import { ConversationRead, type MarkAllRead, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { present } from "../domain/access.ts";
import type { ConversationRow } from "../domain/conversation.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TimelineStore } from "../store/timeline-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly timelines: TimelineStore;
  readonly publisher: Publisher;
}

type Marking = Delivery<PayloadOf<typeof MarkAllRead>>;

/**
 * Marks as read by a participant all that she sees up to a position. Her membership remembers how far the latest commands
 * went, so that one that comes again does not take in messages that were sent behind it.
 */
export const markAllRead =
  ({ conversations, memberships, timelines, publisher }: Deps) =>
  async (delivery: Marking): Promise<Outcome<ReplyOf<typeof MarkAllRead>>> => {
    const { app, id, payload } = delivery;
    const { conversationId, userId, at } = payload;
    const [found, membership] = await Promise.all([
      conversations.find(app, conversationId),
      memberships.find(app, userId, conversationId),
    ]);
    const conversation = present(conversationId, found, userId);
    if (conversation instanceof DomainError) throw conversation;
    if (!conversation.participants.includes(userId) || !membership) {
      throw new DomainError("access_denied", { conversationId });
    }
    const own = membership.readMarks.find(({ by }) => by === id);
    const position = own?.position ?? positionOf(payload, conversation);
    if (position <= membership.readThrough && !own) return reply({ position });

    await memberships.moveReadThrough(app, userId, conversationId, { position, by: id });
    await timelines.markRead(app, conversationId, { user: userId, through: position, at, by: id });
    const read = { conversationId, userId, throughPosition: position, at };
    await publisher.emit(ConversationRead, app, read, { id: `${id}.conversation-read`, cause: delivery });
    return reply({ position });
  };

const positionOf = ({ position }: Marking["payload"], { lastPosition }: ConversationRow): number =>
  Math.min(position ?? lastPosition, lastPosition);
