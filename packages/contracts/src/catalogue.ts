import * as account from "./account.ts";
import * as accountMember from "./account-member.ts";
import * as announcement from "./announcement.ts";
import * as audience from "./audience.ts";
import * as announcementAudience from "./announcement-audience.ts";
import * as announcementStates from "./announcement-states.ts";
import * as appLife from "./app-life.ts";
import * as audit from "./audit.ts";
import * as badge from "./badge.ts";
import * as content from "./content.ts";
import * as conversation from "./conversation.ts";
import * as conversationLifecycle from "./conversation-lifecycle.ts";
import * as conversationMembers from "./conversation-members.ts";
import type { AnyCommand, AnyContract, AnyEvent, AnyQuery, ServiceName } from "./define.ts";
import * as directory from "./directory.ts";
import * as flag from "./flag.ts";
import * as identityProvider from "./identity-provider.ts";
import * as inbox from "./inbox.ts";
import * as insights from "./insights.ts";
import * as integration from "./integration.ts";
import * as invite from "./invite.ts";
import * as membershipRule from "./membership-rule.ts";
import * as message from "./message.ts";
import * as moderation from "./moderation.ts";
import * as moderatedMessage from "./moderated-message.ts";
import * as moderationPolicy from "./moderation-policy.ts";
import * as messagePolicy from "./message-policy.ts";
import * as pushCredential from "./push-credential.ts";
import * as pushDevice from "./push-device.ts";
import * as pushExplanation from "./push-explanation.ts";
import * as pushFacts from "./push-facts.ts";
import * as pushNotification from "./push-notification.ts";
import * as pushOutcome from "./push-outcome.ts";
import * as pushPolicy from "./push-policy.ts";
import * as pushPreview from "./push-preview.ts";
import * as realtime from "./realtime.ts";
import * as receipt from "./receipt.ts";
import * as recipientUpload from "./recipient-upload.ts";
import * as search from "./search.ts";
import * as segment from "./segment.ts";
import * as session from "./session.ts";
import * as tokenLife from "./token-life.ts";
import * as userDeletion from "./user-deletion.ts";
import * as userFacts from "./user-facts.ts";
import * as userRecords from "./user-records.ts";
import * as unread from "./unread.ts";
import * as users from "./users.ts";

const isContract = (value: unknown): value is AnyContract =>
  typeof value === "object" && value !== null && "kind" in value && "type" in value && "payload" in value;

/** Every command, query and event there is. What is not here is not sent, and start-up says so. */
export const catalogue: readonly AnyContract[] = [
  account,
  accountMember,
  announcement,
  audience,
  announcementAudience,
  announcementStates,
  appLife,
  audit,
  badge,
  content,
  conversation,
  conversationLifecycle,
  conversationMembers,
  directory,
  flag,
  identityProvider,
  inbox,
  insights,
  integration,
  invite,
  membershipRule,
  message,
  moderatedMessage,
  moderation,
  moderationPolicy,
  messagePolicy,
  pushCredential,
  pushDevice,
  pushExplanation,
  pushFacts,
  pushNotification,
  pushOutcome,
  pushPolicy,
  pushPreview,
  realtime,
  receipt,
  search,
  recipientUpload,
  segment,
  session,
  tokenLife,
  userDeletion,
  userFacts,
  userRecords,
  unread,
  users,
]
  .flatMap((module) => Object.values(module) as unknown[])
  .filter(isContract);

export const commandsOf = (service: ServiceName): readonly AnyCommand[] =>
  catalogue.filter((contract) => contract.kind === "command").filter((command) => command.service === service);

export const queriesOf = (service: ServiceName): readonly AnyQuery[] =>
  catalogue.filter((contract) => contract.kind === "query").filter((query) => query.service === service);

export const eventsOf = (producer: ServiceName): readonly AnyEvent[] =>
  catalogue.filter((contract) => contract.kind === "event").filter((event) => event.producer === producer);
