import {
  ConversationFrozen,
  ConversationUnfrozen,
  MemberBanned,
  MemberMuted,
  MemberRoleChanged,
  MemberUnbanned,
  MemberUnmuted,
} from "@strata/contracts";
import type { Cause, Delivery, Publisher } from "@strata/messaging";
import { banKey } from "./domain/bans.ts";
import type { ConversationRow } from "./domain/conversation.ts";
import type { Governance } from "./domain/governance.ts";
import type { BanStore } from "./store/ban-store.ts";

interface Deps {
  readonly bans: Pick<BanStore, "put" | "remove">;
  readonly publisher: Publisher;
}

/** What follows from an act of whoever governs, from the row alone: the ban, then the word of it. Again, it is the same. */
export const followGovernance =
  (deps: Deps) =>
  async (row: ConversationRow, cause: Cause): Promise<void> => {
    await settleBan(deps, row);
    await tell(deps, row, cause);
  };

async function settleBan({ bans }: Deps, { app, conversationId, lastChange }: ConversationRow): Promise<void> {
  const { actor: by, act } = lastChange?.governed ?? {};
  if (act?.kind === "unban") await bans.remove(app, conversationId, act.userId);
  if (!lastChange || by === undefined || act?.kind !== "ban") return;
  const { userId, expiresAt, reason } = act;
  const _id = banKey(app, conversationId, userId);
  await bans.put({ _id, app, conversation: conversationId, userId, at: lastChange.at, by, reason, expiresAt });
}

async function tell({ publisher }: Deps, row: ConversationRow, cause: Cause): Promise<void> {
  const { app, conversationId, version, lastChange } = row;
  if (!lastChange?.governed) return;
  const { actor: by, act, previousRole = "member" } = lastChange.governed;
  const about = { conversationId, by, at: lastChange.at };
  const envelope = { id: `${lastChange.by}.governed`, cause, subjectVersion: version };
  switch (act.kind) {
    case "set-role": {
      const { userId, role } = act;
      return publisher.emit(MemberRoleChanged, app, { ...about, userId, role, previousRole }, envelope);
    }
    case "mute": {
      const { userId, until, reason } = act;
      return publisher.emit(MemberMuted, app, { ...about, userId, until, reason }, envelope);
    }
    case "unmute":
      return publisher.emit(MemberUnmuted, app, { ...about, userId: act.userId }, envelope);
    case "freeze":
      return publisher.emit(ConversationFrozen, app, { ...about, reason: act.reason }, envelope);
    case "unfreeze":
      return publisher.emit(ConversationUnfrozen, app, about, envelope);
    case "ban": {
      const { userId, expiresAt, reason } = act;
      return publisher.emit(MemberBanned, app, { ...about, userId, expiresAt, reason }, envelope);
    }
    case "unban":
      return publisher.emit(MemberUnbanned, app, { ...about, userId: act.userId }, envelope);
    default:
      return act satisfies never;
  }
}

/** The roles that a conversation was created with. */
export const tellFirstRoles =
  ({ publisher }: Pick<Deps, "publisher">) =>
  async (
    { app, conversationId }: ConversationRow,
    roles: Governance["roles"],
    cause: Pick<Delivery<unknown>, "id" | "traceparent" | "sentAt">,
  ): Promise<void> => {
    const about = { conversationId, by: null, at: cause.sentAt.getTime(), previousRole: "member" } as const;
    for (const [index, { userId, role }] of roles.entries()) {
      const envelope = { id: `${cause.id}.role-changed.${index}`, cause, subjectVersion: 1 };
      await publisher.emit(MemberRoleChanged, app, { ...about, userId, role }, envelope);
    }
  };
