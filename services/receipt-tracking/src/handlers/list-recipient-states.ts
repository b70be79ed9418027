import type {
  AnnouncementReceiptKind,
  ListRecipientStates,
  PayloadOf,
  RecipientState,
  ReplyOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { receiptKey, receiptRange } from "../domain/receipt-key.ts";
import { compareRecipients } from "../domain/recipient-state.ts";
import { recipientStates } from "../recipient-states.ts";
import type { Recipients } from "../recipients.ts";
import type { ReceiptStore } from "../store/receipt-store.ts";

type Reply = ReplyOf<typeof ListRecipientStates>;
type Listing = PayloadOf<typeof ListRecipientStates> & { readonly app: string };

interface Dependencies {
  readonly receipts: ReceiptStore;
  readonly recipients: Recipients;
}

/** What was found, and behind whom to go on; null at the end. */
interface Page {
  readonly states: readonly RecipientState[];
  readonly next: string | null;
}

/** An answer must come within its deadline also where a million have read it and nobody is left to be listed. */
const LOOKED_AT_MAX = 20_000;
const RECIPIENTS_PAGE = 1_000;

/**
 * Who has which state, by partition, then user id. All but two are read from the receipts; `sent` and
 * `unread` are announcement-fanout's recipients with what the receipts add. An announcement that does not exist is
 * refused with `not_found`.
 */
export const listRecipientStates =
  (deps: Dependencies) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ListRecipientStates>>): Promise<Outcome<Reply>> => {
    const page = await pageOf(deps, { ...payload, app });
    if (page === null) return refuse(new DomainError("not_found", { announcementId: payload.announcementId }));
    return reply({ recipients: [...page.states], ...(page.next === null ? {} : { next: page.next }) });
  };

async function pageOf(deps: Dependencies, listing: Listing): Promise<Page | null> {
  switch (listing.status) {
    case "read":
    case "opened":
    case "deleted":
      return ofKinds(deps, listing, [listing.status]);
    case "delivered":
      return ofKinds(deps, listing, ["delivered", "read", "opened"]);
    case "sent":
    case "unread":
      return walkRecipients(deps, listing);
    default:
      return listing.status satisfies never;
  }
}

/** Who has a receipt of any of these kinds: the first `limit` of all lists together are among the first of each. */
async function ofKinds(deps: Dependencies, listing: Listing, kinds: readonly AnnouncementReceiptKind[]) {
  const { app, announcementId, after, limit } = listing;
  const lists = await Promise.all(
    kinds.map((kind) => deps.receipts.list(receiptRange(app, announcementId, kind, after), limit)),
  );
  const userIds = [...new Set(lists.flat().map(({ userId }) => userId))].toSorted(compareRecipients).slice(0, limit);
  const asked = userIds.map((userId) => ({ announcementId, userId }));
  return ifAnnounced(deps, listing, await recipientStates(deps.receipts, app, asked));
}

/** Receipts exist only for recipients, so any at all proves the announcement; an empty page does not. */
async function ifAnnounced({ recipients }: Dependencies, listing: Listing, states: readonly RecipientState[]) {
  const { app, announcementId, limit } = listing;
  if (states.length === 0 && (await recipients.list(app, announcementId, null, 1)) === null) return null;
  return cutAt(limit, states);
}

function cutAt(limit: number, states: readonly RecipientState[]): Page {
  const page = states.slice(0, limit);
  return { states: page, next: page.length < limit ? null : (page.at(-1)?.userId ?? null) };
}

/** Walks the recipients until the page is full, they end, or enough of them were looked at for one answer. */
async function walkRecipients({ recipients, receipts }: Dependencies, listing: Listing): Promise<Page | null> {
  const { app, announcementId, status, limit } = listing;
  const pageSize = status === "sent" ? limit : RECIPIENTS_PAGE;
  const states: RecipientState[] = [];
  let { after } = listing;
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += pageSize) {
    const userIds = await recipients.list(app, announcementId, after, pageSize);
    if (userIds === null) return null;
    const listed = status === "sent" ? userIds : await withoutReaders(receipts, app, announcementId, userIds);
    const asked = listed.slice(0, limit - states.length).map((userId) => ({ announcementId, userId }));
    states.push(...(await recipientStates(receipts, app, asked)));
    if (states.length >= limit || userIds.length < pageSize) return cutAt(limit, states);
    after = userIds.at(-1) ?? null;
  }
  return { states, next: after };
}

async function withoutReaders(
  receipts: ReceiptStore,
  app: string,
  announcementId: string,
  userIds: readonly string[],
): Promise<readonly string[]> {
  const keyOf = (userId: string): string => receiptKey(app, announcementId, "read", userId);
  const read = await receipts.find(userIds.map(keyOf));
  return userIds.filter((userId) => !read.has(keyOf(userId)));
}
