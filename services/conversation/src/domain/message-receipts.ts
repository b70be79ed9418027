import type { PayloadOf, ReceiptKind, RecordMessageReceipt, Sender } from "@strata/contracts";
import { type MembershipRow, membershipKey } from "./membership.ts";
import { messageKey, senderUser } from "./message.ts";
import { sees } from "./visibility.ts";

interface Entry {
  readonly user: string;
  readonly at: number;
  readonly by: string;
}

/** A message as far as some users' receipts are concerned: of each list only those users are in it. */
export interface ReceiptFacet {
  readonly app: string;
  readonly conversation: string;
  readonly messageId: string;
  readonly position: number;
  readonly sender: Sender;
  readonly recipients: readonly string[];
  readonly hiddenFor: readonly string[];
  readonly delivered: readonly Entry[];
  readonly read: readonly Entry[];
  readonly deletedAt?: number | undefined;
}

export interface ReportedReceipt {
  readonly id: string;
  readonly app: string;
  readonly payload: PayloadOf<typeof RecordMessageReceipt>;
}

type Recorded = Omit<Entry, "user">;

/** What is to be written of one user in one message. */
export interface NewReceipts {
  readonly key: string;
  readonly user: string;
  readonly delivered?: Recorded;
  readonly read?: Recorded;
}

/** A receipt that one of the group's commands made, now or before a redelivery, as it is on record. */
export interface OwnReceipt {
  readonly facet: ReceiptFacet;
  readonly userId: string;
  readonly kind: ReceiptKind;
  readonly at: number;
  readonly by: string;
}

export interface ReceiptPlan {
  /** Commands of users who do not see the message that they speak of. */
  readonly refused: ReadonlySet<ReportedReceipt>;
  readonly news: readonly NewReceipts[];
  readonly own: readonly OwnReceipt[];
}

/**
 * What a group of receipts comes to. They count for recipients other than the sender, once, and only forward: whoever
 * has read a message got it, so nothing is said of its delivery afterwards.
 */
export function planReceipts(
  group: readonly ReportedReceipt[],
  facets: ReadonlyMap<string, ReceiptFacet>,
  memberships: ReadonlyMap<string, MembershipRow>,
): ReceiptPlan {
  const refused = new Set<ReportedReceipt>();
  const news = new Map<string, NewReceipts>();
  const own: OwnReceipt[] = [];
  for (const receipt of group) {
    const { id: by, app, payload } = receipt;
    const { userId, kind, at } = payload;
    const key = messageKey(app, payload.messageId);
    const facet = facets.get(key);
    const earlier = facet && ownEntry(facet, receipt);
    if (facet && earlier) {
      own.push({ facet, userId, kind, at: earlier.at, by });
      continue;
    }
    if (!facet || !isSeenBy(facet, memberships.get(membershipKey(app, userId, facet.conversation)))) {
      refused.add(receipt);
      continue;
    }
    if (!facet.recipients.includes(userId) || senderUser(facet.sender) === userId) continue;
    const place = JSON.stringify([key, userId]);
    const pending = news.get(place) ?? { key, user: userId };
    const read = entryOf(facet.read, userId) ?? pending.read;
    const recorded = kind === "read" ? read : (entryOf(facet.delivered, userId) ?? pending.delivered);
    if (recorded) {
      if (recorded.by === by) own.push({ facet, userId, kind, at: recorded.at, by });
    } else if (kind === "read" || !read) {
      news.set(place, { ...pending, [kind]: { at, by } });
      own.push({ facet, userId, kind, at, by });
    }
  }
  return { refused, news: [...news.values()], own: distinct(own) };
}

function isSeenBy(facet: ReceiptFacet, membership: MembershipRow | undefined): boolean {
  if (!membership || membership.isDeleted) return false;
  const { user, clearedThrough, leftAt } = membership;
  return sees({ viewer: user, after: clearedThrough, through: leftAt }, facet);
}

/** What this very command recorded before: hers to publish, whatever the user sees of the message by now. */
const ownEntry = (facet: ReceiptFacet, { id, payload: { userId, kind } }: ReportedReceipt): Entry | undefined =>
  facet[kind].find(({ user, by }) => user === userId && by === id);

const entryOf = (entries: readonly Entry[], userId: string): Entry | undefined =>
  entries.find(({ user }) => user === userId);

/** A command that comes twice in one group makes one fact. */
const distinct = (own: readonly OwnReceipt[]): readonly OwnReceipt[] => [
  ...new Map(
    own.map((receipt) => [JSON.stringify([receipt.facet.messageId, receipt.userId, receipt.kind]), receipt]),
  ).values(),
];
