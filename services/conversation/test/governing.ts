import type { ConversationChange, GovernanceAct, PayloadOf, ScheduleMessages } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { anAppId, aUserId, userIds } from "@strata/testing";
import type { ConversationRow } from "../src/domain/conversation.ts";
import { type Governance, newGovernance } from "../src/domain/governance.ts";
import { changeConversation } from "../src/handlers/change-conversation.ts";
import { deleteConversation } from "../src/handlers/delete-conversation.ts";
import { deleteMessage } from "../src/handlers/delete-message.ts";
import { governConversation } from "../src/handlers/govern-conversation.ts";
import { getBan, listBans } from "../src/handlers/list-bans.ts";
import { getMember, listMembers } from "../src/handlers/list-members.ts";
import { scheduleMessages } from "../src/handlers/schedule-messages.ts";
import { sendMessages } from "../src/handlers/send-message.ts";
import { aDraft, blocking } from "./messages.ts";
import { aConversation, aDelivery, limits, namingUsers, type openStores, recordingPublisher } from "./support.ts";

type Stores = Awaited<ReturnType<typeof openStores>>;

/** Owner, moderator, member, read-only. */
export const [olga, mona, mia, rosa] = [aUserId(1), aUserId(2), aUserId(3), aUserId(4)];
export const ROLES: Governance["roles"] = [
  { userId: olga, role: "owner" },
  { userId: mona, role: "moderator" },
  { userId: rosa, role: "read-only" },
];

/** The code of a refusal, with the reason where it has one; what was not refused is done. */
async function outcomeOf(handling: Promise<unknown>): Promise<string> {
  const outcome = Object(await handling.catch((error: unknown) => ({ error })));
  const { error } = outcome;
  if (error === undefined) return "done";
  if (!(error instanceof DomainError)) throw error;
  const { reason, requiredRole } = error.details;
  return [error.code, reason, requiredRole].flatMap((word) => (typeof word === "string" ? [word] : [])).join(" ");
}

const asked = ({ conversationId }: ConversationRow, viewer: string | null) => ({ conversationId, viewer });

/** Handlers over real stores, by a clock that the test moves, and what they publish. */
export function governing(stores: Stores, app = anAppId()) {
  let at = Date.now();
  const { events, commands, publisher, failNext } = recordingPublisher();
  const { named, knownUsers } = namingUsers();
  const deps = { ...stores, ...blocking(), knownUsers, publisher, now: () => at };
  const deliver = <Payload>(payload: Payload, id?: string) =>
    aDelivery(payload, { app, sentAt: new Date(at), ...(id === undefined ? {} : { id }) });
  const acting = (row: ConversationRow, act: GovernanceAct, actor: string | null = null, id?: string) =>
    deliver({ conversationId: row.conversationId, actor, act }, id);
  const govern = governConversation(deps);
  const page = { after: null, limit: 100 };
  return {
    app,
    deps,
    events,
    commands,
    named,
    failNext,
    now: () => at,
    pass: (ms: number) => void (at += ms),
    deliver,
    acting,
    govern,
    /** With the roles above, and whatever is said otherwise. */
    conversation: (changed: Partial<ConversationRow> = {}) =>
      aConversation(stores, app, userIds(4), { governance: newGovernance(ROLES, userIds(4)), ...changed }),
    plain: () => aConversation(stores, app, userIds(4)),
    act: (row: ConversationRow, act: GovernanceAct, actor: string | null = null) =>
      outcomeOf(govern(acting(row, act, actor))),
    change: (row: ConversationRow, changes: ConversationChange[], actor: string | null) =>
      outcomeOf(
        changeConversation(deps)(deliver({ conversationId: row.conversationId, actor, changes, limits: limits() })),
      ),
    async send(row: ConversationRow, userId: string, changed: Parameters<typeof aDraft>[1] = {}) {
      const draft = aDraft(row.conversationId, { sender: { userId }, ...changed });
      const [outcome] = await sendMessages(deps)([deliver(draft)]);
      return outcomeOf(Promise.resolve(outcome));
    },
    schedule(row: ConversationRow, userId: string) {
      const { conversationId, ...draft } = aDraft(row.conversationId, { sender: { userId } });
      const messages = [{ ...draft, delayMs: 1_000, typingMs: 0 }];
      const payload: PayloadOf<typeof ScheduleMessages> = { conversationId, messages, at };
      return outcomeOf(scheduleMessages(deps)(deliver(payload)));
    },
    deleteMessage: ({ conversationId }: ConversationRow, messageId: string, actor: string | null) =>
      outcomeOf(deleteMessage(deps)(deliver({ conversationId, messageId, actor }))),
    remove: ({ conversationId }: ConversationRow, actor: string | null) =>
      outcomeOf(deleteConversation(deps)(deliver({ conversationId, actor }))),
    members: (row: ConversationRow, more: object = {}, viewer: string | null = null) =>
      listMembers(deps)(deliver({ ...asked(row, viewer), ...page, ...more })),
    member: (row: ConversationRow, userId: string, viewer: string | null = null) =>
      getMember(deps)(deliver({ ...asked(row, viewer), userId })),
    bans: (row: ConversationRow, more: object = {}, viewer: string | null = null) =>
      listBans(deps)(deliver({ ...asked(row, viewer), ...page, ...more })),
    ban: (row: ConversationRow, userId: string, viewer: string | null = null) =>
      getBan(deps)(deliver({ ...asked(row, viewer), userId })),
    async rowOf({ conversationId }: Pick<ConversationRow, "conversationId">) {
      const row = await stores.conversations.find(app, conversationId);
      if (!row) throw new Error(`there is no ${conversationId}`);
      return row;
    },
    told: () => events.map(({ type }) => type.replace(/^conversation\.(.*)\.v1$/, "$1")),
  };
}
