import { createHash } from "node:crypto";
import {
  compareUserIds,
  Conversation,
  type ConversationTerms,
  type Metadata,
  type VisibleHistory,
} from "@strata/contracts";
import { type Governance, type Governed, governanceView, newGovernance } from "./governance.ts";
import { type Lifecycle, lifecycleView, newLifecycle } from "./lifecycle.ts";

/** What the last change did, kept so that all that follows from it can be done from the row alone, by whoever comes next. */
export interface LastChange {
  /** The command. */
  readonly by: string;
  readonly at: number;
  /** The conversation's last one then: who went sees no further. */
  readonly position: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly isMetadataChanged: boolean;
  /** Present where it was an act of whoever governs. */
  readonly governed?: Governed | undefined;
  /** All that follows from it is done and told; until then the row takes no other change. */
  readonly isFollowed: boolean;
}

/** A conversation as it is kept. Once deleted it is a tombstone and stays for good: a late command finds it. */
export interface ConversationRow {
  readonly _id: string;
  readonly app: string;
  readonly conversationId: string;
  readonly createdAt: number;
  /** Who is in it, in the order in which they came; of a deleted one, who was. */
  readonly participants: readonly string[];
  readonly distinct: boolean;
  /** Present while it is what a distinct conversation of these participants would be. */
  readonly distinctKey?: string | undefined;
  readonly metadata: Metadata;
  readonly version: number;
  /** Of its newest message, 0 before the first. Never falls. */
  readonly lastPosition: number;
  readonly lastMessageAt: number | null;
  /** The command that made it. */
  readonly by: string;
  readonly lastChange?: LastChange | undefined;
  /** Present where something was said of who may do what. */
  readonly governance?: Governance | undefined;
  /** Present where something happens to it by itself, or was to. */
  readonly lifecycle?: Lifecycle | undefined;
  /** What who joins later sees; absent: all. */
  readonly visibleHistory?: VisibleHistory | undefined;
  readonly deletedAt?: number | undefined;
  /** The command that deleted it. */
  readonly deletedBy?: string | undefined;
}

/** Under its app, so that no app learns of, or stands in the way of, another's ids. */
export const conversationKey = (app: string, conversationId: string): string => `${app}/${conversationId}`;

/** The same for the same people in whatever order. */
export const distinctKeyOf = (app: string, participants: readonly string[]): string => {
  const people = JSON.stringify(participants.toSorted(compareUserIds));
  return `${app}/${createHash("sha256").update(people).digest("base64url")}`;
};

/** What a command wants to begin. */
interface Beginning {
  readonly app: string;
  readonly conversationId: string;
  readonly participants: readonly string[];
  readonly distinct: boolean;
  readonly metadata: Metadata;
  readonly at: number;
  readonly by: string;
  readonly terms?: ConversationTerms | undefined;
  readonly roles?: Governance["roles"] | undefined;
}

/** A conversation as it begins. */
export const beginConversation = (beginning: Beginning): ConversationRow => {
  const { app, conversationId, participants, distinct, metadata, at, by, terms, roles } = beginning;
  const lifecycle = newLifecycle(terms, at, by);
  const governance = newGovernance(roles, participants);
  return {
    _id: conversationKey(app, conversationId),
    app,
    conversationId,
    createdAt: at,
    participants,
    distinct,
    ...(distinct ? { distinctKey: distinctKeyOf(app, participants) } : {}),
    metadata,
    version: 1,
    lastPosition: 0,
    lastMessageAt: null,
    by,
    ...(governance ? { governance } : {}),
    ...(lifecycle ? { lifecycle } : {}),
    ...(terms && terms.visibleHistory !== "all" ? { visibleHistory: terms.visibleHistory } : {}),
  };
};

/** As its app's backend sees it. */
export const conversationOf = ({ lifecycle, ...row }: ConversationRow): Conversation =>
  Conversation.parse({
    ...row,
    ...governanceView(row),
    ...(lifecycle ? { lifecycle: lifecycleView(lifecycle) } : {}),
  });

/** One that can be written into no more stands in nobody's way: the same people may begin another. */
export const distinctNoLonger = (row: ConversationRow): ConversationRow => ({
  ...row,
  distinct: false,
  distinctKey: undefined,
});

/** The time by which lists of users sort it. */
export const lastActivityOf = (row: ConversationRow): number => row.lastMessageAt ?? row.createdAt;
