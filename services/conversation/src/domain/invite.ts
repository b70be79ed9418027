import { Invite, type InviteTerms, InviteState } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { z } from "zod";

const Use = z.object({
  /** null: she was deleted since. */
  user: z.string().nullable(),
  at: z.number(),
  /** The command by which she came. */
  by: z.string(),
  /** She took part already: it brought her nowhere. */
  wasIn: z.boolean(),
});

/** An invite as it is kept. That it has expired is told by the clock, or, where its conversation closed, by its state. */
export const InviteRow = z.object({
  _id: z.string(),
  app: z.string(),
  inviteId: z.string(),
  conversation: z.string(),
  /** null where there is a code. */
  user: z.string().nullable(),
  code: z.string().nullable(),
  maxUses: z.number().int(),
  uses: z.array(Use),
  inviter: z.string().nullable(),
  metadata: Invite.shape.metadata,
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  state: InviteState,
  /** The conversation has not opened: nobody but the backend knows of it. */
  isWaiting: z.boolean(),
  /** She who is invited blocks who invites her, and never hears of it. */
  isUnwanted: z.boolean(),
  /** The command that made it. */
  by: z.string(),
});
export type InviteRow = z.infer<typeof InviteRow>;
export type InviteUse = z.infer<typeof Use>;

export const inviteKey = (app: string, inviteId: string): string => `${app}/${inviteId}`;

interface Beginning extends InviteTerms {
  readonly app: string;
  readonly inviteId: string;
  readonly conversationId: string;
  readonly to: { readonly userId: string } | { readonly code: string; readonly maxUses: number };
  readonly at: number;
  readonly by: string;
  readonly isWaiting: boolean;
  readonly isUnwanted: boolean;
}

/** An invite as it begins. */
export const newInvite = ({ app, inviteId, conversationId, to, at, ...rest }: Beginning): InviteRow => ({
  ...rest,
  _id: inviteKey(app, inviteId),
  app,
  inviteId,
  conversation: conversationId,
  user: "userId" in to ? to.userId : null,
  code: "code" in to ? to.code : null,
  maxUses: "code" in to ? to.maxUses : 1,
  uses: [],
  createdAt: at,
  state: "pending",
});

/** Where it stands by the clock. */
export const inviteState = ({ state, expiresAt }: InviteRow, now: number): InviteState =>
  state === "pending" && expiresAt !== null && expiresAt <= now ? "expired" : state;

/** As its backend, and those who may invite, see it. */
export const inviteOf = (row: InviteRow, now: number): Invite =>
  Invite.parse({
    ...row,
    conversationId: row.conversation,
    userId: row.user,
    uses: row.uses.map(({ user, at }) => ({ userId: user, at })),
    state: inviteState(row, now),
  });

/** Whether it is hers to accept, decline and see: nobody else is told that it is there. */
export const isInvited = ({ user, isWaiting, isUnwanted }: InviteRow, userId: string): boolean =>
  (user === null || user === userId) && !isWaiting && !isUnwanted;

const OVER = {
  accepted: "has been accepted, as often as it may be",
  declined: "was declined",
  revoked: "was revoked",
  expired: "has expired",
} as const;

/** Why nobody comes in by it any more; null while somebody may. */
export function overRefusal(row: InviteRow, now: number): DomainError | null {
  const state = inviteState(row, now);
  if (state === "pending") return null;
  return new DomainError("object_deleted", { inviteId: row.inviteId }, { message: `The invite ${OVER[state]}` });
}

/** Where it stands after somebody came by it once more. */
export const stateAfterUse = ({ uses, maxUses, state }: InviteRow): InviteState =>
  uses.length + 1 >= maxUses ? "accepted" : state;
