import type { Ban, GovernanceAct } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import type { ConversationRow, LastChange } from "./conversation.ts";
import { withoutParticipant } from "./conversation-change.ts";
import {
  type Governance,
  isNamedIn,
  muteOf,
  roleOf,
  tidied,
  UNGOVERNED,
  withMute,
  withoutUser,
  withRole,
} from "./governance.ts";

interface Governing extends Pick<LastChange, "by" | "at"> {
  /** null: the backend. */
  readonly actor: string | null;
  readonly now: number;
  /** The one in force against whom the act is about. */
  readonly ban: Ban | null;
}

/** What is in force already of that which an act changes. */
export function inForce(row: ConversationRow, act: GovernanceAct, { now, ban }: Pick<Governing, "now" | "ban">) {
  switch (act.kind) {
    case "mute":
    case "unmute":
      return muteOf(row, act.userId, now);
    case "freeze":
    case "unfreeze":
      return row.governance?.freeze ?? null;
    case "ban":
    case "unban":
      return ban;
    default:
      return null;
  }
}

/**
 * A conversation after one act of whoever governs it; null where that is what it was. Who is banned is in it no longer; that
 * she is banned follows from the row.
 * @throws DomainError `not_found` for a role or a mute of who is no participant
 */
export function govern(row: ConversationRow, act: GovernanceAct, governing: Governing): ConversationRow | null {
  // It comes so late that it is over: she may have come in again since.
  if (isOver(act, governing.now)) return null;
  const governance = governanceAfter(row, act, governing);
  if (governance === null) return null;
  const { by, at, actor, now } = governing;
  const left = act.kind === "ban" ? withoutParticipant(row, act.userId, { by, at }) : null;
  const after = left ?? unchanged(row, { by, at });
  const kept = tidied({ ...after, governance: left?.governance ?? governance }, now);
  const previousRole = act.kind === "set-role" ? { previousRole: roleOf(row, act.userId) } : {};
  return {
    ...after,
    governance: kept,
    lastChange: { ...after.lastChange, governed: { actor, act, ...previousRole } },
  };
}

function isOver(act: GovernanceAct, now: number): boolean {
  const end = act.kind === "mute" ? act.until : act.kind === "ban" ? act.expiresAt : null;
  return end !== null && end <= now;
}

/** null: it stays as it is. */
function governanceAfter(row: ConversationRow, act: GovernanceAct, governing: Governing): Governance | null {
  const { actor: by, at } = governing;
  const governance = row.governance ?? UNGOVERNED;
  const before = inForce(row, act, governing);
  switch (act.kind) {
    case "set-role":
      requireParticipant(row, act.userId);
      return roleOf(row, act.userId) === act.role ? null : withRole(governance, act.userId, act.role);
    case "mute": {
      requireParticipant(row, act.userId);
      const { userId, until, reason } = act;
      if (isSame(before, { until, reason })) return null;
      return withMute(governance, userId, { at, by, reason, until });
    }
    case "unmute":
      if (!isNamedIn(row.governance, act.userId)) requireParticipant(row, act.userId);
      return before === null ? null : withMute(governance, act.userId, null);
    case "freeze":
      return isSame(before, { reason: act.reason }) ? null : { ...governance, freeze: { at, by, reason: act.reason } };
    case "unfreeze":
      return before === null ? null : { ...governance, freeze: null };
    case "ban": {
      const { userId, expiresAt, reason } = act;
      const isOut = !row.participants.includes(userId);
      return isOut && isSame(before, { expiresAt, reason }) ? null : governance;
    }
    case "unban":
      return before === null ? null : governance;
    default:
      return act satisfies never;
  }
}

/** Whether what is in force says the same of these; who imposed it is whoever did it first. */
const isSame = (before: object | null, wanted: Readonly<Record<string, unknown>>): boolean =>
  before !== null && Object.entries(wanted).every(([name, value]) => Reflect.get(before, name) === value);

function requireParticipant({ participants, conversationId }: ConversationRow, userId: string): void {
  if (!participants.includes(userId)) throw new DomainError("not_found", { conversationId });
}

const unchanged = (row: ConversationRow, { by, at }: Pick<LastChange, "by" | "at">) => ({
  ...row,
  version: row.version + 1,
  lastChange: {
    by,
    at,
    position: row.lastPosition,
    added: [],
    removed: [],
    isMetadataChanged: false,
    isFollowed: false,
  },
});

/** Without a user who was deleted, and without what was said of her; null where nothing is there of her. */
export function withoutDeletedUser(
  row: ConversationRow,
  userId: string,
  change: Pick<LastChange, "by" | "at">,
): ConversationRow | null {
  const left = withoutParticipant(row, userId, change);
  if (!left && !isNamedIn(row.governance, userId)) return null;
  const after = left ?? unchanged(row, change);
  return after.governance ? { ...after, governance: withoutUser(after.governance, userId) } : after;
}
