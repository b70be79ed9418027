import type { FoundMessagePlace, PayloadOf, ReplyOf, SearchMessages, UserMessage } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { conversationKey } from "../domain/conversation.ts";
import { comparePlaces } from "../domain/found-place.ts";
import type { MembershipRow } from "../domain/membership.ts";
import { userMessageView } from "../domain/message-view.ts";
import { sees, userView } from "../domain/visibility.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { MessageStore } from "../store/message-store.ts";
import { CONVERSATIONS_AT_ONCE, type Findings, type SearchStore } from "../store/search-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly messages: MessageStore;
  readonly searches: SearchStore;
}

/** Of her conversations, as many times CONVERSATIONS_AT_ONCE. */
const GROUPS = 10;

type Asked = PayloadOf<typeof SearchMessages>;
type Finding = Findings["found"][number];

/**
 * What a user looks for in her conversations, newest first. They are gone through in the order of what each said last, so
 * that it ends as soon as all that are left say only older things than what is found.
 */
export const searchMessages =
  (deps: Deps) =>
  async ({ app, payload }: Delivery<Asked>): Promise<Outcome<ReplyOf<typeof SearchMessages>>> => {
    const { limit } = payload;
    const { memberships, found, end } = await find(deps, app, payload);
    const page = found.slice(0, limit);
    const hits = await seen(deps, app, payload.userId, page, memberships);
    const last = found.length > limit ? page.at(-1) : undefined;
    return reply({ hits, next: last ? placeOf(last) : end });
  };

async function find({ memberships, searches }: Deps, app: string, { userId, words, prefix, after, limit }: Asked) {
  const all = new Map<string, MembershipRow>();
  let found: readonly Finding[] = [];
  let end: FoundMessagePlace | null = null;
  let last: MembershipRow | null = null;
  for (let n = 0; n < GROUPS; n += 1) {
    const group: readonly MembershipRow[] = await memberships.listPage(
      app,
      userId,
      "last_message",
      last,
      CONVERSATIONS_AT_ONCE,
    );
    // One more than asked for says whether there is more.
    const since = Math.max(found[limit]?.at ?? 0, end?.at ?? 0);
    if ((group[0]?.sortAt ?? -1) < since) break;
    for (const membership of group) all.set(membership.conversation, membership);
    const question = { words, prefix };
    const one = await searches.find({ app, memberships: group, question, after, since, limit: limit + 1 });
    end = foremost(end, one.end);
    found = merged([...found, ...one.found], end).slice(0, limit + 1);
    last = group.at(-1) ?? null;
    if (group.length < CONVERSATIONS_AT_ONCE) break;
  }
  return { memberships: all, found, end };
}

/** In order, and nothing behind the place up to which everything was looked at. */
const merged = (found: readonly Finding[], end: FoundMessagePlace | null): readonly Finding[] =>
  found.filter((one) => end === null || comparePlaces(one, end) < 0).toSorted(comparePlaces);

const foremost = (a: FoundMessagePlace | null, b: FoundMessagePlace | null): FoundMessagePlace | null => {
  if (a === null || b === null) return a ?? b;
  return comparePlaces(a, b) <= 0 ? a : b;
};

const placeOf = ({ at, position, messageId }: Finding): FoundMessagePlace => ({ at, position, messageId });

/** As she sees them, by what their conversations say of her now: her own rows may be a moment behind. */
async function seen(
  { conversations, messages }: Deps,
  app: string,
  userId: string,
  found: readonly Finding[],
  memberships: ReadonlyMap<string, MembershipRow>,
): Promise<UserMessage[]> {
  const rows = (await Promise.all(found.map(({ key }) => messages.findViewed(key)))).filter((row) => row !== null);
  const keys = [...new Set(rows.map(({ conversation }) => conversationKey(app, conversation)))];
  const known = await conversations.findMany(keys);
  return rows
    .filter((row) => {
      const conversation = known.get(conversationKey(app, row.conversation));
      const membership = memberships.get(row.conversation);
      if (!conversation || conversation.deletedAt !== undefined || !membership) return false;
      return sees(userView(conversation, membership), row);
    })
    .map((row) => userMessageView(row, userId));
}
