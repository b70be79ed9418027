import { z } from "zod";
import { Actor } from "./actor.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { Token, TokenHash } from "./directory.ts";
import type { AccountScope } from "./scope.ts";
import { Millis } from "./values.ts";

/** What a member of an account may do: as much as the scope of an account's token, each more than the one before. */
export const AccountRole = z.enum(["viewer", "developer", "owner"]);
export type AccountRole = z.infer<typeof AccountRole>;

const SCOPE_OF_ROLE: Readonly<Record<AccountRole, AccountScope>> = {
  viewer: "account:read",
  developer: "account:write",
  owner: "account:admin",
};

/** What a role grants, and what whoever gives or takes it must have herself. */
export const scopeOfRole = (role: AccountRole): AccountScope => SCOPE_OF_ROLE[role];

/** More than one account has people; what one document holds. */
export const MAX_ACCOUNT_MEMBERS = 500;
/** For how long a code lets somebody in. */
export const INVITATION_TTL_MS = 7 * 86_400_000;
/** A member's token ends so long after it was made. */
export const MEMBER_TOKEN_TTL_MS = 30 * 86_400_000;

const Email = z.string().min(3).max(254);
const Name = z.string().min(1).max(128);

/** A person with a role in an account. */
export const AccountMember = z.object({
  memberId: z.uuid(),
  accountId: z.string(),
  /** As it was written: compared without regard to case. */
  email: Email,
  name: Name.nullable(),
  role: AccountRole,
  /** `invited`: her code has not been used yet. */
  state: z.enum(["invited", "active"]),
  invitedAt: Millis,
  joinedAt: Millis.nullable(),
  changedAt: Millis,
  /** Until when her latest code works; null: it was used. */
  invitationExpiresAt: Millis.nullable(),
});
export type AccountMember = z.infer<typeof AccountMember>;

const administered = { service: "directory", lane: "admin", version: 1 } as const;

/**
 * Makes somebody a member, with a code that lets her in once. Refused: `access_denied` for a role that its giver has not;
 * `conflict` with the member who has the e-mail address; `id_in_use`; `invalid_operation` in a full account.
 */
export const InviteMember = defineCommand({
  ...administered,
  name: "InviteMember",
  payload: z.object({
    accountId: z.string(),
    memberId: z.uuid(),
    email: Email,
    name: Name.nullable(),
    role: AccountRole,
    /** Of the code, which is shown once by the gateway and never sent. */
    codeHash: TokenHash,
    actor: Actor,
  }),
  reply: AccountMember,
});

/**
 * Gives a member another code, and takes the one before out of use. Refused: `not_found`; `access_denied` for who has less than
 * her role, and for whoever is no owner once she has joined: her code is a way to act as she does.
 */
export const RenewInvitation = defineCommand({
  ...administered,
  name: "RenewInvitation",
  payload: z.object({ accountId: z.string(), memberId: z.uuid(), codeHash: TokenHash, actor: Actor }),
  reply: AccountMember,
});

/** Uses a code up, and makes a token of its member. Refused: `invalid_property` for a code that does not work, whyever. */
export const AcceptInvitation = defineCommand({
  ...administered,
  name: "AcceptInvitation",
  payload: z.object({
    codeHash: TokenHash,
    tokenId: z.uuid(),
    /** Of the token. */
    hash: TokenHash,
    /** From where: who it is follows from the code. */
    origin: Actor.pick({ address: true, userAgent: true }),
  }),
  reply: z.object({ member: AccountMember, token: Token }),
});

/**
 * Changes a member's role or name. Refused: `not_found`; `access_denied` for who has less than the role that she has, or is to
 * have; `invalid_operation` where nobody else would administer the account.
 */
export const ChangeMember = defineCommand({
  ...administered,
  name: "ChangeMember",
  payload: z.object({
    accountId: z.string(),
    memberId: z.uuid(),
    role: AccountRole.optional(),
    name: Name.nullable().optional(),
    actor: Actor,
  }),
  reply: AccountMember,
});

/** Ends a membership with its tokens. Refused as a change is. */
export const RemoveMember = defineCommand({
  ...administered,
  name: "RemoveMember",
  payload: z.object({ accountId: z.string(), memberId: z.uuid(), actor: Actor }),
});

/** An account's members, the first invited first. */
export const ListAccountMembers = defineQuery({
  service: "directory",
  name: "ListAccountMembers",
  version: 1,
  payload: z.object({ accountId: z.string() }),
  reply: z.object({ members: z.array(AccountMember) }),
});
