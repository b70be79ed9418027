import type { GetContent, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ContentRow, contentOf } from "../domain/content.ts";
import { membershipKey, standingOf } from "../domain/membership.ts";
import { present } from "../domain/access.ts";
import type { ContentStore } from "../store/content-store.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly contents: ContentStore;
}

type Asked = Delivery<PayloadOf<typeof GetContent>>;

/** Of so many conversations with content of somebody else's it is asked whether the user is in one. */
const MAX_CONVERSATIONS = 1_000;

/** Content as far as who asks may see it: through one conversation, or through whatever conversations she has. */
export const getContent =
  (deps: Deps) =>
  async ({ app, payload }: Asked): Promise<Outcome<ReplyOf<typeof GetContent>>> => {
    const { contentId, conversationId, userId } = payload;
    const refusal = conversationId === null ? null : await refusalOf(deps, app, conversationId, userId);
    if (refusal) return refuse(refusal);
    const row = await deps.contents.find(app, contentId);
    const isSeen = row !== null && (await isSeenFrom(deps, row, conversationId, userId));
    return reply({ content: isSeen ? contentOf(row) : null });
  };

async function refusalOf(
  { conversations, memberships }: Deps,
  app: string,
  conversationId: string,
  userId: string | null,
): Promise<DomainError | null> {
  const conversation = await conversations.find(app, conversationId);
  if (conversation && userId !== null) {
    const membership = await memberships.find(app, userId, conversationId);
    // To a stranger it is not there, be it deleted or not.
    if (standingOf(conversation, userId, membership) === "stranger") return new DomainError("not_found");
  }
  const row = present(conversationId, conversation, userId);
  return row instanceof DomainError ? row : null;
}

async function isSeenFrom(
  { memberships, contents }: Deps,
  { app, contentId, conversation, owner }: ContentRow,
  conversationId: string | null,
  userId: string | null,
): Promise<boolean> {
  if (conversationId !== null) {
    return conversation === conversationId || contents.isUsedIn(app, contentId, conversationId);
  }
  if (userId === null || owner === userId) return true;
  const places =
    conversation === null ? await contents.conversationsWith(app, contentId, MAX_CONVERSATIONS) : [conversation];
  const found = await memberships.findMany(places.map((place) => membershipKey(app, userId, place)));
  return [...found.values()].some(({ isDeleted }) => !isDeleted);
}
