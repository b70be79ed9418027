import {
  AcceptInvite,
  CancelConversationSchedule,
  ChangeConversation,
  ChangeConversationSchedule,
  ChangeParts,
  ClearConversation,
  CountUnread,
  CountUnreadOfUsers,
  CreateContent,
  CreateConversation,
  CreateInvite,
  DeclineInvite,
  DeleteConversation,
  DeleteMembershipRule,
  DeleteMessage,
  ForgetParticipant,
  GetBan,
  GetContent,
  GetConversation,
  GetInvite,
  GetMembershipRule,
  GetMember,
  GetMessage,
  GetMessageHistory,
  GetMessagePolicy,
  FindMessageReaders,
  FindParticipants,
  GetConversationViews,
  GetMessageNotification,
  GetRuleRun,
  GetUserConversation,
  GovernConversation,
  HideMessage,
  IdentityCreated,
  ListInvites,
  ListMembershipRules,
  ModerateMessage,
  ListBans,
  ListConversationRecords,
  ListMembers,
  ListMessages,
  ListRuleRuns,
  ListUserConversations,
  ListRefusedMessages,
  ListUserInvites,
  MarkAllRead,
  PutMembershipRule,
  PreviewMessagePolicy,
  RecordMessageReceipt,
  RevokeInvite,
  ScheduleMessages,
  SearchMessages,
  SendMessage,
  StartRuleRun,
  SetMessagePolicy,
  TakeConversationStep,
  UserDeleted,
} from "@strata/contracts";
import { type Client, type Consumer, consumer, on, onGroup, type Publisher } from "@strata/messaging";
import type { Dependency, Logger } from "@strata/runtime";
import type { Blockers } from "./blockers.ts";
import type { ConversationSummaries } from "./domain/conversation-summaries.ts";
import { acceptInvite } from "./handlers/accept-invite.ts";
import { changeConversation } from "./handlers/change-conversation.ts";
import { cancelConversationSchedule, changeConversationSchedule } from "./handlers/change-conversation-schedule.ts";
import { changeParts } from "./handlers/change-parts.ts";
import { clearConversation } from "./handlers/clear-conversation.ts";
import { countUnread, countUnreadOfUsers } from "./handlers/count-unread.ts";
import { createContent } from "./handlers/create-content.ts";
import { createConversation } from "./handlers/create-conversation.ts";
import { createInvite } from "./handlers/create-invite.ts";
import { deleteConversation } from "./handlers/delete-conversation.ts";
import { deleteMessage, hideMessage } from "./handlers/delete-message.ts";
import { declineInvite, revokeInvite } from "./handlers/end-invite.ts";
import { moderateMessage } from "./handlers/moderate-message.ts";
import { forgetParticipant } from "./handlers/forget-participant.ts";
import { forgetUser } from "./handlers/forget-user.ts";
import { getContent } from "./handlers/get-content.ts";
import { getConversation } from "./handlers/get-conversation.ts";
import { findParticipants } from "./handlers/find-participants.ts";
import { getConversationViews } from "./handlers/get-conversation-views.ts";
import { findMessageReaders } from "./handlers/find-message-readers.ts";
import { getMessage, getMessageNotification } from "./handlers/get-message.ts";
import { getMessagePolicy, previewMessagePolicy, setMessagePolicy } from "./handlers/message-policies.ts";
import { getMessageHistory, listRefusedMessages } from "./handlers/message-history.ts";
import { getUserConversation } from "./handlers/get-user-conversation.ts";
import { joinNewcomer } from "./handlers/join-newcomer.ts";
import { getInvite, listInvites, listUserInvites } from "./handlers/list-invites.ts";
import { getBan, listBans } from "./handlers/list-bans.ts";
import { listConversationRecords } from "./handlers/list-conversation-records.ts";
import { getMember, listMembers } from "./handlers/list-members.ts";
import { listMessages } from "./handlers/list-messages.ts";
import { governConversation } from "./handlers/govern-conversation.ts";
import { listUserConversations } from "./handlers/list-user-conversations.ts";
import { markAllRead } from "./handlers/mark-all-read.ts";
import {
  deleteMembershipRule,
  getMembershipRule,
  getRuleRun,
  listMembershipRules,
  listRuleRuns,
  putMembershipRule,
  startRuleRun,
} from "./handlers/membership-rules.ts";
import { recordMessageReceipts } from "./handlers/record-message-receipts.ts";
import { scheduleMessages } from "./handlers/schedule-messages.ts";
import { searchMessages } from "./handlers/search-messages.ts";
import { sendMessages } from "./handlers/send-message.ts";
import { takeConversationStep } from "./handlers/take-conversation-step.ts";
import { tellDelays } from "./handlers/tell-delays.ts";
import type { KnownUsers } from "./known-users.ts";
import type { BanStore } from "./store/ban-store.ts";
import type { MessagePolicies } from "./message-policies.ts";
import type { Policing } from "./policing.ts";
import type { ContentStore } from "./store/content-store.ts";
import type { ConversationMessages } from "./store/conversation-messages.ts";
import type { ConversationStore } from "./store/conversation-store.ts";
import type { ForgottenUserStore } from "./store/forgotten-user-store.ts";
import type { InviteStore } from "./store/invite-store.ts";
import type { MembershipRuleStore } from "./store/membership-rule-store.ts";
import type { MembershipStore } from "./store/membership-store.ts";
import type { MessagePolicyStore } from "./store/message-policy-store.ts";
import type { MessageReceiptStore } from "./store/message-receipt-store.ts";
import type { MessageStore } from "./store/message-store.ts";
import type { RuleMemberStore } from "./store/rule-member-store.ts";
import type { RuleRunStore } from "./store/rule-run-store.ts";
import type { RefusedMessageStore } from "./store/refused-message-store.ts";
import type { SharedSummaries } from "./shared-summaries.ts";
import type { ScheduleStore } from "./store/schedule-store.ts";
import type { SearchStore } from "./store/search-store.ts";
import type { TimelineStore } from "./store/timeline-store.ts";
import type { UserRecordsStore } from "./store/user-records-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly forgottenUsers: ForgottenUserStore;
  readonly invites: InviteStore;
  readonly rules: MembershipRuleStore;
  readonly runs: RuleRunStore;
  readonly members: RuleMemberStore;
  readonly client: Client;
  readonly conversationMessages: ConversationMessages;
  readonly messages: MessageStore;
  readonly messageReceipts: MessageReceiptStore;
  readonly searches: SearchStore;
  readonly timelines: TimelineStore;
  readonly userRecords: UserRecordsStore;
  readonly schedules: ScheduleStore;
  readonly bans: BanStore;
  readonly contents: ContentStore;
  readonly summaries: ConversationSummaries;
  readonly sharedSummaries: SharedSummaries;
  readonly policyStore: MessagePolicyStore;
  readonly messagePolicies: MessagePolicies;
  readonly refusedMessages: RefusedMessageStore;
  readonly policing: Policing;
  readonly knownUsers: KnownUsers;
  readonly blockers: Blockers;
  readonly publisher: Publisher;
  readonly now: () => number;
  readonly log: Logger;
  /** From when on a message has taken long. */
  readonly slowMs: number;
  readonly mongo: Dependency;
  readonly directory: Dependency;
}

/** Everything this service listens to. */
export const consumers = (deps: Deps): readonly Consumer[] => [
  consumer({
    queue: "conversation.conversations",
    prefetch: 200,
    handlers: [
      on(CreateConversation, createConversation(deps)),
      on(ChangeConversation, changeConversation(deps)),
      on(DeleteConversation, deleteConversation(deps)),
      on(GovernConversation, governConversation(deps)),
      on(ChangeConversationSchedule, changeConversationSchedule(deps)),
      on(CancelConversationSchedule, cancelConversationSchedule(deps)),
      on(TakeConversationStep, takeConversationStep(deps)),
      on(ClearConversation, clearConversation(deps)),
      on(CreateInvite, createInvite(deps)),
      on(AcceptInvite, acceptInvite(deps)),
      on(DeclineInvite, declineInvite(deps)),
      on(RevokeInvite, revokeInvite(deps)),
      on(ForgetParticipant, forgetParticipant(deps)),
      onGroup(SendMessage, tellDelays(deps, sendMessages(deps))),
      on(ScheduleMessages, scheduleMessages(deps)),
      on(ChangeParts, changeParts(deps)),
      on(DeleteMessage, deleteMessage(deps)),
      on(HideMessage, hideMessage(deps)),
      on(ModerateMessage, moderateMessage(deps)),
      on(MarkAllRead, markAllRead(deps)),
    ],
    dependencies: [deps.mongo, deps.directory],
  }),
  consumer({
    queue: "conversation.receipts",
    prefetch: 200,
    // While one group waits for its writes, the next is looked up.
    concurrency: 2,
    handlers: [onGroup(RecordMessageReceipt, recordMessageReceipts(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "conversation.contents",
    handlers: [on(CreateContent, createContent(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "conversation.policies",
    handlers: [on(SetMessagePolicy, setMessagePolicy(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "conversation.queries",
    handlers: [
      on(GetContent, getContent(deps)),
      on(GetConversation, getConversation(deps)),
      on(GetUserConversation, getUserConversation(deps)),
      on(ListUserConversations, listUserConversations(deps)),
      on(ListMembers, listMembers(deps)),
      on(GetMember, getMember(deps)),
      on(ListBans, listBans(deps)),
      on(ListConversationRecords, listConversationRecords(deps)),
      on(GetBan, getBan(deps)),
      on(ListMessages, listMessages(deps)),
      on(GetMessage, getMessage(deps)),
      on(SearchMessages, searchMessages(deps)),
      on(CountUnread, countUnread(deps)),
      on(CountUnreadOfUsers, countUnreadOfUsers(deps)),
      on(GetConversationViews, getConversationViews(deps)),
      on(FindParticipants, findParticipants(deps)),
      on(GetMessageNotification, getMessageNotification(deps)),
      on(GetInvite, getInvite(deps)),
      on(ListInvites, listInvites(deps)),
      on(ListUserInvites, listUserInvites(deps)),
      on(GetMembershipRule, getMembershipRule(deps)),
      on(ListMembershipRules, listMembershipRules(deps)),
      on(GetRuleRun, getRuleRun(deps)),
      on(ListRuleRuns, listRuleRuns(deps)),
      on(FindMessageReaders, findMessageReaders(deps)),
      on(GetMessagePolicy, getMessagePolicy(deps)),
      on(PreviewMessagePolicy, previewMessagePolicy(deps)),
      on(ListRefusedMessages, listRefusedMessages(deps)),
      on(GetMessageHistory, getMessageHistory(deps)),
    ],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "conversation.rules",
    handlers: [
      on(PutMembershipRule, putMembershipRule(deps)),
      on(DeleteMembershipRule, deleteMembershipRule(deps)),
      on(StartRuleRun, startRuleRun(deps)),
    ],
    dependencies: [deps.mongo, deps.directory],
  }),
  consumer({
    queue: "conversation.newcomers",
    prefetch: 20,
    handlers: [on(IdentityCreated, joinNewcomer(deps))],
    dependencies: [deps.mongo, deps.directory],
  }),
  consumer({
    queue: "conversation.deleted-users",
    prefetch: 5,
    handlers: [on(UserDeleted, forgetUser(deps))],
    dependencies: [deps.mongo],
  }),
];
