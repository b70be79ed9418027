import type { GovernanceAct, Role, Sender } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { type Governance, muteOf, roleOf } from "./governance.ts";
import { senderUser } from "./message.ts";

interface GovernedRow {
  readonly governance?: Governance | undefined;
}

const RANK: Readonly<Record<Role, number>> = { "read-only": 0, member: 1, moderator: 2, owner: 3 };

/** For programs: why it is refused. */
type Reason = "read_only" | "muted" | "frozen" | "role" | "imposed_by_backend";

const NEEDS: Readonly<Record<Role, string>> = {
  "read-only": "",
  member: "this needs the role member, moderator or owner",
  moderator: "this needs the role moderator or owner",
  owner: "this needs the role owner",
};

const denied = (reason: Reason, requiredRole: Role, why?: string): DomainError =>
  new DomainError(
    "access_denied",
    { reason, requiredRole },
    { message: why === undefined ? NEEDS[requiredRole] : `${why}: ${NEEDS[requiredRole]}` },
  );

const isBelow = (row: GovernedRow, userId: string, role: Role): boolean => RANK[roleOf(row, userId)] < RANK[role];
/** Only of a conversation of which something was said: any other is as it always was. */
const isGoverned = ({ governance }: GovernedRow): boolean => governance?.isGoverned ?? false;
/** Who has a moderator's role, or more, goes on; the others wait. */
const isFrozenTo = (row: GovernedRow, userId: string): boolean =>
  (row.governance?.freeze ?? null) !== null && isBelow(row, userId, "moderator");

/** Nobody but an owner does anything to who has the same role as she, or more. */
const isOutranked = (row: GovernedRow, actor: string, userId: string): boolean =>
  roleOf(row, actor) !== "owner" && RANK[roleOf(row, userId)] >= RANK[roleOf(row, actor)];

function readOnlyOrFrozen(row: GovernedRow, userId: string): DomainError | null {
  if (isBelow(row, userId, "member")) return denied("read_only", "member", "who is read-only writes nothing");
  return isFrozenTo(row, userId) ? denied("frozen", "moderator", "the conversation is frozen") : null;
}

/** Why a user may send nothing; null: she may. */
export function sendingRefusal(row: GovernedRow, userId: string, now: number): DomainError | null {
  if (row.governance === undefined) return null;
  const mute = muteOf(row, userId, now);
  if (mute === null) return readOnlyOrFrozen(row, userId);
  const until = mute.until === null ? "until she is unmuted" : `until ${new Date(mute.until).toISOString()}`;
  const details = { reason: "muted" satisfies Reason, mutedUntil: mute.until };
  return new DomainError("access_denied", details, { message: `the sender is muted ${until}` });
}

interface Change {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly isMetadataChanged: boolean;
}

/** Why a user may not change participants and metadata so; null: she may. Leaving is everybody's. */
export function changingRefusal(row: GovernedRow, actor: string, change: Change): DomainError | null {
  const others = change.removed.filter((userId) => userId !== actor);
  const isLeaving = change.removed.length === 1 && others.length === 0;
  if (isLeaving && change.added.length === 0 && !change.isMetadataChanged) return null;
  const refusal = readOnlyOrFrozen(row, actor);
  if (refusal || !isGoverned(row)) return refusal;
  if (isBelow(row, actor, "moderator")) return denied("role", "moderator");
  return others.some((userId) => isOutranked(row, actor, userId)) ? denied("role", "owner") : null;
}

/** Why a user may not delete a message for everybody; null: she may. */
export function messageDeletionRefusal(row: GovernedRow, actor: string, sender: Sender): DomainError | null {
  const author = senderUser(sender);
  if (isFrozenTo(row, actor)) return denied("frozen", "moderator", "the conversation is frozen");
  if (author === actor) return null;
  const refusal = readOnlyOrFrozen(row, actor);
  if (refusal || !isGoverned(row)) return refusal;
  if (isBelow(row, actor, "moderator")) return denied("role", "moderator");
  return author !== null && isOutranked(row, actor, author) ? denied("role", "owner") : null;
}

/** Why a user may not delete the conversation for everybody; null: she may. */
export function conversationDeletionRefusal(row: GovernedRow, actor: string): DomainError | null {
  const refusal = readOnlyOrFrozen(row, actor);
  if (refusal) return refusal;
  return isGoverned(row) && isBelow(row, actor, "owner") ? denied("role", "owner") : null;
}

/** Why a user may not see who is banned; null: she may. */
export const bansRefusal = (row: GovernedRow, viewer: string): DomainError | null =>
  isBelow(row, viewer, "moderator") ? denied("role", "moderator") : null;

interface Imposed {
  readonly by: string | null;
}

/** Why a user may not govern so; null: she may. What the backend has imposed, nobody else makes less of. */
export function governingRefusal(
  row: GovernedRow,
  actor: string,
  act: GovernanceAct,
  inForce: Imposed | null,
): DomainError | null {
  const required = act.kind === "set-role" ? "owner" : "moderator";
  if (isBelow(row, actor, required)) return denied("role", required);
  if ("userId" in act && isOutranked(row, actor, act.userId)) return denied("role", "owner");
  if (inForce?.by !== null) return null;
  return new DomainError(
    "access_denied",
    { reason: "imposed_by_backend" satisfies Reason },
    { message: "the backend has imposed this, and only it changes or lifts it" },
  );
}
