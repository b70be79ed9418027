import type { AcceptInvite, CreateInvite, Invite, PayloadOf } from "@strata/contracts";
import { randomUUID } from "node:crypto";
import { acceptInvite } from "../src/handlers/accept-invite.ts";
import { createInvite } from "../src/handlers/create-invite.ts";
import { declineInvite, revokeInvite } from "../src/handlers/end-invite.ts";
import { getInvite, listInvites, listUserInvites } from "../src/handlers/list-invites.ts";
import { lifetime } from "./lifetimes.ts";
import { repliedBy } from "./messages.ts";
import { aDelivery, limits, type openStores } from "./support.ts";

type Stores = Awaited<ReturnType<typeof openStores>>;
type Inviting = PayloadOf<typeof CreateInvite>;

export const aCode = (): string => randomUUID().replaceAll("-", "");

interface Asked {
  readonly viewer: string | null;
  readonly state: Invite["state"] | null;
  readonly after: string | null;
  readonly limit: number;
}

/** Handlers of invites over real stores, beside those of the conversations that they belong to. */
export function inviting(stores: Stores, changed: Partial<ReturnType<typeof lifetime>["deps"]> = {}) {
  const one = lifetime(stores);
  const { app } = one;
  const deps = { ...one.deps, ...changed };
  const asking = (conversationId: string, to: Inviting["to"], terms: Partial<Inviting> = {}) =>
    aDelivery<Inviting>(
      {
        conversationId,
        inviteId: randomUUID(),
        actor: null,
        inviter: null,
        metadata: {},
        expiresAt: null,
        to,
        ...terms,
      },
      { app },
    );
  const invite = async (conversationId: string, to: Inviting["to"], terms: Partial<Inviting> = {}): Promise<Invite> => {
    const made = repliedBy(await createInvite(deps)(asking(conversationId, to, terms))).invite;
    if (!made) throw new Error("no invite");
    return made;
  };
  type Named = Pick<Invite, "conversationId" | "inviteId">;
  const accepting = ({ conversationId, inviteId }: Named, userId: string, maxParticipants = 250) =>
    aDelivery<PayloadOf<typeof AcceptInvite>>(
      { conversationId, inviteId, userId, limits: limits({ maxParticipants }) },
      { app },
    );
  return {
    ...one,
    deps,
    asking,
    invite,
    accepting,
    make: createInvite(deps),
    accept: acceptInvite(deps),
    decline: ({ conversationId, inviteId }: Named, userId: string) =>
      declineInvite(deps)(aDelivery({ conversationId, inviteId, userId }, { app })),
    revoke: ({ conversationId, inviteId }: Named, actor: string | null = null) =>
      revokeInvite(deps)(aDelivery({ conversationId, inviteId, actor }, { app })),
    get: async (named: { readonly inviteId: string } | { readonly code: string }, viewer: string | null = null) => {
      const by = "inviteId" in named ? { inviteId: named.inviteId } : named;
      return repliedBy(await getInvite(deps)(aDelivery({ by, viewer }, { app }))).invite;
    },
    list: async (
      conversationId: string,
      { viewer = null, state = null, after = null, limit = 100 }: Partial<Asked> = {},
    ) => repliedBy(await listInvites(deps)(aDelivery({ conversationId, viewer, state, after, limit }, { app }))),
    listFor: async (userId: string, after: string | null = null, limit = 100) =>
      repliedBy(await listUserInvites(deps)(aDelivery({ userId, after, limit }, { app }))),
    /** A conversation with these people, made through its own handler. */
    async conversation(changes: Parameters<typeof one.create>[0] = {}) {
      const { conversation } = await one.create(changes);
      if (!conversation) throw new Error("no conversation");
      return conversation.conversationId;
    },
  };
}
