import { compareUserIds, type Conversation, Freeze, GovernanceAct, type Member, Mute, Role } from "@strata/contracts";
import { z } from "zod";

const MuteOfUser = Mute.extend({ userId: z.string() });
type MuteOfUser = z.infer<typeof MuteOfUser>;

/** Who may do what in a conversation, where something was ever said of that. */
export const Governance = z.object({
  /** Of participants, and of who left as read-only; who is not named is a member. */
  roles: z.array(z.object({ userId: z.string(), role: Role })),
  /** Also of who has left, and such as have ended: the clock decides. */
  mutes: z.array(MuteOfUser),
  freeze: Freeze.nullable(),
  /** It was given an owner or a moderator, and nobody has taken the last one's role: that she left gives nobody hers. */
  isGoverned: z.boolean(),
});
export type Governance = z.infer<typeof Governance>;

/** What the last change was, where it was an act of whoever governs. */
export const Governed = z.object({
  /** null: the backend. */
  actor: z.string().nullable(),
  act: GovernanceAct,
  /** Of whom a role was given to. */
  previousRole: Role.optional(),
});
export type Governed = z.infer<typeof Governed>;

interface GovernedRow {
  readonly participants: readonly string[];
  readonly governance?: Governance | undefined;
}

/** How many of those who have left keep what restricts them: a row is read with every message. */
const MAX_REMEMBERED = 500;

export const UNGOVERNED: Governance = { roles: [], mutes: [], freeze: null, isGoverned: false };

const isPower = (role: Role): boolean => role === "owner" || role === "moderator";

/** The roles that a conversation begins with; undefined where all are members. */
export function newGovernance(
  roles: Governance["roles"] | undefined,
  participants: readonly string[],
): Governance | undefined {
  const given = rolesIn(roles, participants);
  if (given.length === 0) return undefined;
  return { ...UNGOVERNED, roles: given, isGoverned: given.some(({ role }) => isPower(role)) };
}

/** Of the roles that were asked for, those that say something: of participants, once each, other than member. */
export function rolesIn(roles: Governance["roles"] | undefined, participants: readonly string[]): Governance["roles"] {
  const people = new Set(participants);
  const byUser = new Map((roles ?? []).map(({ userId, role }) => [userId, role]));
  return [...byUser].flatMap(([userId, role]) => (role !== "member" && people.has(userId) ? [{ userId, role }] : []));
}

export const roleOf = ({ governance }: Pick<GovernedRow, "governance">, userId: string): Role =>
  governance?.roles.find((one) => one.userId === userId)?.role ?? "member";

/** The mute that is in force against her. */
export function muteOf({ governance }: Pick<GovernedRow, "governance">, userId: string, now: number): Mute | null {
  const mute = governance?.mutes.find((one) => one.userId === userId);
  if (!mute || (mute.until !== null && mute.until <= now)) return null;
  const { userId: _, ...rest } = mute;
  return rest;
}

/** A participant with what was said of her; null for whoever is none. */
export const memberOf = (row: GovernedRow, userId: string, now: number): Member | null =>
  row.participants.includes(userId) ? { userId, role: roleOf(row, userId), mute: muteOf(row, userId, now) } : null;

/** All participants, in the order of user ids, in one pass. */
export function membersOf({ participants, governance }: GovernedRow, now: number): readonly Member[] {
  const { roles, mutes } = governance ?? UNGOVERNED;
  const [roleBy, muteBy] = [new Map(roles.map((one) => [one.userId, one])), new Set(mutes.map(({ userId }) => userId))];
  return participants.toSorted(compareUserIds).map((userId) => ({
    userId,
    role: roleBy.get(userId)?.role ?? "member",
    mute: muteBy.has(userId) ? muteOf({ governance }, userId, now) : null,
  }));
}

/** What is shown of it with the conversation; nothing where nothing was said. */
export function governanceView({
  participants,
  governance,
}: GovernedRow): Pick<Conversation, "roles" | "freeze"> | undefined {
  if (!governance) return undefined;
  const roles = rolesIn(governance.roles, participants);
  const { freeze } = governance;
  return { ...(roles.length > 0 ? { roles } : {}), ...(freeze ? { freeze } : {}) };
}

/** After some have left: what gave them power is gone, what restricts them waits for them, so that leaving is no way out of it. */
export function afterLeaving(governance: Governance | undefined, gone: readonly string[]): Governance | undefined {
  if (!governance || gone.length === 0) return governance;
  const left = new Set(gone);
  return { ...governance, roles: governance.roles.filter(({ userId, role }) => !left.has(userId) || !isPower(role)) };
}

/** Without all that was said of one user, and without her name in what she imposed. */
export const withoutUser = (governance: Governance, userId: string): Governance => ({
  ...governance,
  roles: governance.roles.filter((one) => one.userId !== userId),
  mutes: governance.mutes.filter((one) => one.userId !== userId).map((mute) => unnamed(mute, userId)),
  freeze: governance.freeze && unnamed(governance.freeze, userId),
});

const unnamed = <Imposed extends Freeze>(imposed: Imposed, userId: string): Imposed =>
  imposed.by === userId ? { ...imposed, by: null } : imposed;

export function isNamedIn(governance: Governance | undefined, userId: string): boolean {
  if (governance === undefined) return false;
  const { roles, mutes } = governance;
  return [...roles, ...mutes].some((one) => one.userId === userId) || imposedBy(governance, userId).length > 0;
}

/** What somebody imposed that stands: mutes, and the freeze, which is of nobody. */
export const imposedBy = (governance: Governance | undefined, userId: string): readonly (MuteOfUser | Freeze)[] => {
  const { mutes, freeze } = governance ?? UNGOVERNED;
  return [...mutes, ...(freeze ? [freeze] : [])].filter(({ by }) => by === userId);
};

export function withRole(governance: Governance, userId: string, role: Role): Governance {
  const before = roleOf({ governance }, userId);
  const others = governance.roles.filter((one) => one.userId !== userId);
  const roles = role === "member" ? others : [...others, { userId, role }];
  const isGoverned = roles.some((one) => isPower(one.role)) || (governance.isGoverned && !isPower(before));
  return { ...governance, roles, isGoverned };
}

export const withMute = (governance: Governance, userId: string, mute: Mute | null): Governance => ({
  ...governance,
  mutes: [...governance.mutes.filter((one) => one.userId !== userId), ...(mute ? [{ ...mute, userId }] : [])],
});

/** Without mutes that have ended, and without the oldest of those who have left where they are too many. */
export function tidied({ participants, governance }: GovernedRow & { readonly governance: Governance }, now: number) {
  const people = new Set(participants);
  const kept = <Entry extends { readonly userId: string }>(entries: readonly Entry[]): Entry[] => {
    const strangers = entries.filter(({ userId }) => !people.has(userId));
    const dropped = new Set(strangers.slice(0, Math.max(0, strangers.length - MAX_REMEMBERED)));
    return entries.filter((entry) => !dropped.has(entry));
  };
  const mutes = governance.mutes.filter(({ until }) => until === null || until > now);
  return { ...governance, roles: kept(governance.roles), mutes: kept(mutes) };
}
