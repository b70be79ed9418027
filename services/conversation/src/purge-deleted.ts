import { type Closable, type Logger, workOffDue } from "@strata/runtime";
import type { ConversationRow } from "./domain/conversation.ts";
import type { BanStore } from "./store/ban-store.ts";
import type { ContentStore } from "./store/content-store.ts";
import type { ConversationMessages } from "./store/conversation-messages.ts";
import type { ConversationStore } from "./store/conversation-store.ts";
import type { InviteStore } from "./store/invite-store.ts";
import type { MembershipStore } from "./store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly conversationMessages: ConversationMessages;
  readonly invites: Pick<InviteStore, "purge">;
  readonly bans: Pick<BanStore, "purge">;
  readonly contents: Pick<ContentStore, "purge">;
}

/** Rows that one turn removes. */
const SLICE = 500;
/** A slice takes milliseconds; one whose process was killed is taken up again after this. */
const LEASE_MS = 30_000;

/**
 * Removes a slice of what a deleted conversation has left behind: messages, then memberships,
 * bans and invites, then its contents, whose bytes the sweep of contents removes. False when nothing is due.
 * Of the conversation itself a tombstone stays. Killed anywhere, the next turn removes what is left.
 */
export async function purgeSlice(deps: Deps, size: number = SLICE): Promise<boolean> {
  const row = await claim(deps);
  if (row) await purge(deps, row, size);
  return row !== null;
}

const claim = ({ conversations }: Deps): Promise<ConversationRow | null> => conversations.claimPurge(LEASE_MS);

async function purge(deps: Deps, row: ConversationRow, size: number): Promise<void> {
  const { conversations, memberships, conversationMessages, bans, invites, contents } = deps;
  const { app, conversationId } = row;
  let left = size;
  for (const rows of [conversationMessages, memberships, bans, invites, contents]) {
    if (left > 0) left -= await rows.purge(app, conversationId, left);
  }
  if (left > 0) await conversations.endPurge(row);
  else await conversations.postponePurge(row);
}

/** Purges what is due, slice by slice, deleted conversations taking turns. Safe in every replica. */
export const startPurge = (deps: Deps, everyMs: number, log: Logger): Closable =>
  workOffDue({ everyMs, workers: 1, claim: () => claim(deps), work: (row) => purge(deps, row, SLICE), log });
