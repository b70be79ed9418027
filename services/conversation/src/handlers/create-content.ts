import type { Content, CreateContent, PayloadOf } from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { present, writingRefusal } from "../domain/access.ts";
import { contentKey, contentOf } from "../domain/content.ts";
import { refusedTo } from "../domain/membership.ts";
import type { ContentStore } from "../store/content-store.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly contents: ContentStore;
  readonly now: () => number;
}

/** Remembers bytes that will be uploaded. Whoever writes into a conversation must be in it, or be the backend. */
export const createContent =
  ({ conversations, memberships, contents, now }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof CreateContent>>): Promise<Outcome<Content>> => {
    const { app, id, payload, sentAt } = delivery;
    const { contentId, conversationId, owner, mimeType, size, origin } = payload;
    if (conversationId !== null) {
      const refusal = await refusalIn(conversationId);
      if (refusal) return refuse(refusal);
    }
    const content = await contents.insertOrFind(
      {
        _id: contentKey(app, contentId),
        app,
        contentId,
        conversation: conversationId,
        owner,
        mimeType,
        size,
        origin,
        createdAt: sentAt.getTime(),
        by: id,
        session: null,
        isUploaded: false,
        uploadedAt: null,
      },
      Date.now(),
    );
    return content.by === id ? reply(contentOf(content)) : refuse(new DomainError("id_in_use", { contentId }));

    async function refusalIn(conversation: string): Promise<DomainError | null> {
      const row = present(conversation, await conversations.find(app, conversation), owner);
      if (row instanceof DomainError) return row;
      const refusal = owner === null ? null : refusedTo(row, owner, await memberships.find(app, owner, conversation));
      return refusal ?? writingRefusal(row, now());
    }
  };
