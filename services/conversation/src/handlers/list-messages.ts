import type { ListMessages, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { standingOf } from "../domain/membership.ts";
import { messageKey } from "../domain/message.ts";
import { userMessageView } from "../domain/message-view.ts";
import { sees, totalOf, viewOf } from "../domain/visibility.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { MessageStore } from "../store/message-store.ts";
import type { TimelineStore } from "../store/timeline-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly messages: MessageStore;
  readonly timelines: TimelineStore;
}

type Listing = Delivery<PayloadOf<typeof ListMessages>>;
type Listed = ReplyOf<typeof ListMessages>;

/** A page of messages in two round trips: who looks at what, then the page (one find) and the numbers beside it. */
export const listMessages =
  (deps: Deps) =>
  async ({ app, payload }: Listing): Promise<Outcome<Listed>> => {
    const { conversationId, viewer, after, limit } = payload;
    const [conversation, membership, behind] = await Promise.all([
      deps.conversations.find(app, conversationId),
      viewer === null ? null : deps.memberships.find(app, viewer, conversationId),
      after === null ? null : deps.messages.findViewed(messageKey(app, after)),
    ]);
    if (!conversation) return reply({ ...nothing("stranger"), state: "absent" });
    const standing = viewer === null ? "participant" : standingOf(conversation, viewer, membership);
    if (conversation.deletedAt !== undefined) return reply({ ...nothing(standing), state: "deleted" });
    const view = viewOf(conversation, viewer, membership);
    if (!view) return reply(nothing(standing));

    const isKnown = after === null || (behind?.conversation === conversationId && sees(view, behind));
    const [page, gone] = await Promise.all([
      isKnown ? deps.timelines.page(app, view, behind?.position ?? null, limit) : null,
      deps.timelines.countGone(app, [view]),
    ]);
    const { deleted = 0, hidden = 0 } = gone.get(conversationId) ?? {};
    return reply({
      state: "present",
      standing,
      messages: page && page.map((row) => userMessageView(row, viewer)),
      total: totalOf(view, { lastPosition: conversation.lastPosition, deleted, hidden }),
    });
  };

const nothing = (standing: Listed["standing"]): Listed => ({ state: "present", standing, messages: null, total: 0 });
