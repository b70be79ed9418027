import {
  type Ban,
  compareUserIds,
  GetBan,
  GetMember,
  GovernConversation,
  type Freeze,
  type GovernanceAct,
  ListBans,
  ListMembers,
  type Member,
  type PayloadOf,
} from "@strata/contracts";
import { on, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ConversationPeer, type ConversationRow, refusalOf } from "./conversation-rows.ts";

export const governanceContracts = [GovernConversation, ListMembers, GetMember, ListBans, GetBan] as const;

type Asked = Pick<PayloadOf<typeof GetMember>, "conversationId" | "viewer">;

const memberOf = (row: ConversationRow, userId: string): Member | null => {
  if (!row.participants.includes(userId)) return null;
  const role = row.roles?.find((one) => one.userId === userId)?.role ?? "member";
  return { userId, role, mute: row.mutes?.get(userId) ?? null };
};

/** Whoever is no owner is refused; what is asked for is kept. */
export const governanceCommands = (peer: ConversationPeer) => [
  on(GovernConversation, async ({ app, payload }) => {
    const { conversationId, actor, act } = payload;
    const row = peer.conversations.get(`${app}/${conversationId}`);
    const refusal = refusalOf(row, actor);
    if (row === undefined || refusal) return refuse(refusal ?? new DomainError("not_found"));
    if (actor !== null && memberOf(row, actor)?.role !== "owner") {
      const message = "this needs the role owner";
      return refuse(new DomainError("access_denied", { reason: "role", requiredRole: "owner" }, { message }));
    }
    if ("userId" in act && act.kind !== "ban" && act.kind !== "unban" && memberOf(row, act.userId) === null) {
      return refuse(new DomainError("not_found"));
    }
    peer.acts.push(payload);
    const after = applied(row, act, { at: Date.now(), by: actor });
    peer.conversations.set(`${app}/${conversationId}`, after);
    const userId = "userId" in act ? act.userId : "";
    return reply({
      conversation: after,
      member: memberOf(after, userId),
      ban: after.bans?.get(userId) ?? null,
    });
  }),
];

function applied(row: ConversationRow, act: GovernanceAct, who: Pick<Freeze, "at" | "by">): ConversationRow {
  const { mutes = new Map(), bans = new Map<string, Ban>(), roles = [], freeze: _, ...rest } = row;
  switch (act.kind) {
    case "set-role":
      return { ...row, roles: [...roles.filter(({ userId }) => userId !== act.userId), act] };
    case "mute":
      return { ...row, mutes: new Map([...mutes, [act.userId, { ...who, until: act.until, reason: act.reason }]]) };
    case "unmute":
      return { ...row, mutes: new Map([...mutes].filter(([userId]) => userId !== act.userId)) };
    case "freeze":
      return { ...row, freeze: { ...who, reason: act.reason } };
    case "unfreeze":
      return rest;
    case "ban": {
      const { userId, expiresAt, reason } = act;
      const participants = row.participants.filter((one) => one !== userId);
      const left = [...row.left, ...row.participants.filter((one) => one === userId)];
      return { ...row, participants, left, bans: new Map([...bans, [userId, { userId, ...who, expiresAt, reason }]]) };
    }
    default:
      return { ...row, bans: new Map([...bans].filter(([userId]) => userId !== act.userId)) };
  }
}

const pageOf = <Row extends { readonly userId: string }>(
  all: readonly Row[],
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Row[] | null => {
  const rows = all.toSorted((a, b) => compareUserIds(a.userId, b.userId));
  const start = after === null ? 0 : rows.findIndex(({ userId }) => userId === after) + 1;
  return after !== null && start === 0 ? null : rows.slice(start, start + limit);
};

export const governanceQueries = (peer: ConversationPeer) => {
  const shown = (app: string, { conversationId, viewer }: Asked): ConversationRow => {
    const row = peer.conversations.get(`${app}/${conversationId}`);
    const refusal = refusalOf(row, viewer);
    if (row === undefined || refusal) throw refusal ?? new DomainError("not_found");
    return row;
  };
  return [
    on(ListMembers, async ({ app, payload }) => {
      const row = shown(app, payload);
      const members = row.participants
        .flatMap((userId) => memberOf(row, userId) ?? [])
        .filter(({ role }) => (payload.role ?? role) === role)
        .filter(({ mute }) => (payload.isMuted ?? mute !== null) === (mute !== null));
      return reply({ members: pageOf(members, payload), total: members.length });
    }),
    on(GetMember, async ({ app, payload }) => reply({ member: memberOf(shown(app, payload), payload.userId) })),
    on(ListBans, async ({ app, payload }) => {
      const bans = [...(shown(app, payload).bans?.values() ?? [])];
      return reply({ bans: pageOf(bans, payload), total: bans.length });
    }),
    on(GetBan, async ({ app, payload }) => reply({ ban: shown(app, payload).bans?.get(payload.userId) ?? null })),
  ];
};
