import {
  AccountMember,
  type AccountRole,
  type Actor,
  type AuditEntry,
  INVITATION_TTL_MS,
  isGranted,
  MAX_ACCOUNT_MEMBERS,
  scopeOfRole,
  TokenHash,
} from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { z } from "zod";

/** A member with what only the directory knows of her. A code that was used stays, so that its command finds it again. */
export const KnownMember = AccountMember.extend({ codeHash: TokenHash });
export type KnownMember = z.infer<typeof KnownMember>;

/** What an act found and left of one member; null: there was, or is, none. */
export const MemberAct = z.union([
  z.object({ before: z.null(), after: KnownMember }),
  z.object({ before: KnownMember, after: KnownMember.nullable() }),
]);
export type MemberAct = z.infer<typeof MemberAct>;

interface Asking {
  readonly actor: Actor;
  readonly sentAt: Date;
}

/** An address is one person's, however she writes it. */
const emailKey = (email: string): string => email.normalize("NFC").toLowerCase();

/** Somebody new, with a code. */
export function invited(
  members: readonly KnownMember[],
  wanted: Pick<KnownMember, "accountId" | "memberId" | "email" | "name" | "role" | "codeHash">,
  { actor, sentAt }: Asking,
): MemberAct | DomainError {
  const refusal = beyond(members, actor, wanted.role);
  if (refusal) return refusal;
  const sameId = members.find(({ memberId }) => memberId === wanted.memberId);
  if (sameId) return new DomainError("id_in_use", { member: AccountMember.parse(sameId) });
  const sameEmail = members.find(({ email }) => emailKey(email) === emailKey(wanted.email));
  if (sameEmail) return new DomainError("conflict", { member: AccountMember.parse(sameEmail) });
  if (members.length >= MAX_ACCOUNT_MEMBERS) {
    return new DomainError(
      "invalid_operation",
      {},
      { message: `An account has at most ${MAX_ACCOUNT_MEMBERS} members` },
    );
  }
  const at = sentAt.getTime();
  const times = { invitedAt: at, joinedAt: null, changedAt: at, invitationExpiresAt: at + INVITATION_TTL_MS };
  return { before: null, after: { ...wanted, state: "invited", ...times } };
}

/** Another code. With it somebody acts as the member does: once she has joined, an owner alone may make one. */
export function renewed(
  members: readonly KnownMember[],
  { memberId, codeHash }: Pick<KnownMember, "memberId" | "codeHash">,
  { actor, sentAt }: Asking,
): MemberAct | DomainError {
  const before = memberIn(members, memberId);
  if (before instanceof DomainError) return before;
  const refusal = beyond(members, actor, before.state === "active" ? "owner" : before.role);
  if (refusal) return refusal;
  const at = sentAt.getTime();
  return { before, after: { ...before, codeHash, changedAt: at, invitationExpiresAt: at + INVITATION_TTL_MS } };
}

/** A code is used up. Unknown, used, renewed and expired are one answer: they tell a guesser nothing. */
export function joined(members: readonly KnownMember[], codeHash: string, sentAt: Date): MemberAct | DomainError {
  const at = sentAt.getTime();
  const before = members.find((member) => member.codeHash === codeHash);
  if (!before || before.invitationExpiresAt === null || before.invitationExpiresAt <= at) return uselessCode();
  const joinedAt = before.joinedAt ?? at;
  return { before, after: { ...before, state: "active", joinedAt, changedAt: at, invitationExpiresAt: null } };
}

export const uselessCode = (): DomainError =>
  new DomainError("invalid_property", { property: "code" }, { message: "code is none that works, or works any more" });

/** The hash of no code. */
const NO_CODE = "0".repeat(64);

/** Another role or name. What is so already stays as it is. */
export function changed(
  members: readonly KnownMember[],
  {
    memberId,
    ...wanted
  }: { readonly memberId: string; readonly role?: AccountRole | undefined; readonly name?: string | null | undefined },
  { actor, sentAt }: Asking,
): MemberAct | DomainError {
  const before = memberIn(members, memberId);
  if (before instanceof DomainError) return before;
  const { role = before.role, name = before.name } = wanted;
  const refusal = beyond(members, actor, before.role) ?? beyond(members, actor, role);
  if (refusal) return refusal;
  if (role === before.role && name === before.name) return { before, after: before };
  const after = { ...before, role, name, changedAt: sentAt.getTime() };
  return { before, after: before.state === "invited" && isMore(role, before.role) ? withoutCode(after) : after };
}

const isMore = (role: AccountRole, before: AccountRole): boolean =>
  !isGranted([scopeOfRole(before)], scopeOfRole(role));

/**
 * Whoever made the code was allowed to let somebody in with less, and may know it still: another takes somebody who may give
 * this role. The hash goes too, since a clock that is behind would take the code for one that is not over yet.
 */
const withoutCode = (member: KnownMember): KnownMember => ({
  ...member,
  codeHash: NO_CODE,
  invitationExpiresAt: Math.min(member.invitationExpiresAt ?? member.changedAt, member.changedAt),
});

export function removed(members: readonly KnownMember[], memberId: string, { actor }: Asking): MemberAct | DomainError {
  const before = memberIn(members, memberId);
  if (before instanceof DomainError) return before;
  return beyond(members, actor, before.role) ?? { before, after: null };
}

function memberIn(members: readonly KnownMember[], memberId: string): KnownMember | DomainError {
  const found = members.find((member) => member.memberId === memberId);
  return found ?? new DomainError("not_found", { property: "member_id" });
}

/** Nobody gives or takes a role that she has not herself. A member has what she is now, whatever she was when she asked. */
function beyond(members: readonly KnownMember[], actor: Actor, role: AccountRole): DomainError | null {
  const herself = members.find(({ memberId, state }) => memberId === actor.id && state === "active");
  const ofHerRole = herself ? [scopeOfRole(herself.role)] : [];
  if (isGranted(actor.kind === "member" ? ofHerRole : actor.scopes, scopeOfRole(role))) return null;
  const message = `Who asks lacks the scope ${scopeOfRole(role)}, which is what makes ${ROLE_WORDS[role]}`;
  return new DomainError("access_denied", { property: "role" }, { message });
}

const ROLE_WORDS: Readonly<Record<AccountRole, string>> = {
  viewer: "a viewer",
  developer: "a developer",
  owner: "an owner",
};

export const isActiveOwner = ({ role, state }: KnownMember): boolean => role === "owner" && state === "active";

/** Whether an act takes the last owner out of these members: then something else must administer the account. */
export const takesLastOwner = (members: readonly KnownMember[], { before, after }: MemberAct): boolean =>
  before !== null &&
  isActiveOwner(before) &&
  !(after !== null && isActiveOwner(after)) &&
  !members.some((member) => member.memberId !== before.memberId && isActiveOwner(member));

/** The members after an act. */
export const membersAfter = (members: readonly KnownMember[], { before, after }: MemberAct): KnownMember[] => {
  if (before === null) return after === null ? [...members] : [...members, after];
  return members.flatMap((member) => (member.memberId === before.memberId ? (after ?? []) : member));
};

/** What the audit log says of an act: of a change, what is another now. Never a code. */
export function memberEntry(action: string, act: MemberAct, more: Readonly<Record<string, unknown>> = {}) {
  const { accountId, memberId } = act.before ?? act.after;
  const [before, after] = [act.before && factsOf(act.before), act.after && factsOf(act.after)];
  const names = Object.entries(before ?? {}).flatMap(([name, value]) => (after?.[name] === value ? [name] : []));
  const [was, is] = [before && without(before, names), after && { ...without(after, names), ...more }];
  const subject = { kind: "member", id: memberId };
  return { accountId, appId: null, action, subject, before: was, after: is } satisfies Omit<
    AuditEntry,
    "entryId" | "at" | "actor"
  >;
}

type Facts = Readonly<Record<string, unknown>>;

const factsOf = ({ email, name, role, state, invitationExpiresAt }: KnownMember): Facts => ({
  email,
  name,
  role,
  state,
  invitationExpiresAt,
});

const without = (facts: Facts, names: readonly string[]): Facts =>
  Object.fromEntries(Object.entries(facts).filter(([name]) => !names.includes(name)));
