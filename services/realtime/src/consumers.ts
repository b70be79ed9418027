import {
  AnnouncementCorrected,
  AnnouncementExpired,
  AnnouncementRecalled,
  AppChanged,
  AppSettingsChanged,
  BatchStored,
  ChangeLogged,
  ConversationCleared,
  ConversationCreated,
  ConversationDeleted,
  ConversationRead,
  FindOnlineUsers,
  FollowingChanged,
  GetPresence,
  IdentityDeleted,
  IdentityUpdated,
  MessageCreated,
  MessageDeleted,
  MessageReceiptsRecorded,
  MessageUpdated,
  MetadataChanged,
  ParticipantsChanged,
  ReceiptsRecorded,
  SessionEnded,
  SessionsEnded,
  TypingStarted,
  UserDeleted,
  UserSuspended,
} from "@strata/contracts";
import type { SessionCache, SettingsCache } from "@strata/doors";
import { ack, type Client, type Consumer, consumer, on, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import * as entries from "./domain/entries.ts";
import { endSocketsOfApp, endSocketsOfSession, endSocketsOfUser } from "./handlers/end-sockets.ts";
import { findOnlineUsers } from "./handlers/find-online-users.ts";
import { getPresence } from "./handlers/get-presence.ts";
import { logChanges } from "./handlers/log-changes.ts";
import { showTyping } from "./handlers/show-typing.ts";
import { tellLoggedChanges } from "./handlers/tell-logged-changes.ts";
import type { FindReceivers } from "./receivers.ts";
import type { Typing } from "./requests/typing.ts";
import type { ChangeStore } from "./store/change-store.ts";
import type { PresenceStore } from "./store/presence-store.ts";
import type { HeardThrough } from "./sockets/heard-through.ts";
import type { TellDeps } from "./tell-changes.ts";

interface Deps extends TellDeps {
  readonly changes: ChangeStore;
  readonly presence: PresenceStore;
  readonly sessions: SessionCache;
  readonly settings: SettingsCache;
  readonly typing: Typing;
  readonly heard: HeardThrough;
  readonly findReceivers: FindReceivers;
  readonly publisher: Publisher;
  readonly client: Client;
  /** Sockets may have missed something: all of them are closed, and catch up. */
  readonly onGap: () => void;
  readonly mongo: Dependency;
  readonly conversation: Dependency;
  readonly directory: Dependency;
}

/** Where a process hears of what its sockets are to be told. */
export const SOCKETS_QUEUE = "realtime.sockets";

/** Everything this service listens to. */
export function consumers(deps: Deps): readonly Consumer[] {
  const logged = logChanges(deps);
  return [
    consumer({
      queue: "realtime.changes",
      prefetch: 500,
      everyMs: 10,
      isInOrder: true,
      handlers: [
        on(ConversationCreated, logged(entries.toldOfCreatedConversation)),
        on(ParticipantsChanged, logged(entries.toldOfParticipants)),
        on(MetadataChanged, logged(entries.toldOfMetadata)),
        on(ConversationDeleted, logged(entries.toldOfDeletedConversation)),
        on(ConversationCleared, logged(entries.toldOfCleared)),
        on(ConversationRead, logged(entries.toldOfRead)),
        on(MessageCreated, logged(entries.toldOfMessage)),
        on(MessageUpdated, logged(entries.toldOfChangedMessage)),
        on(MessageDeleted, logged(entries.toldOfDeletedMessage)),
        on(MessageReceiptsRecorded, logged(entries.toldOfMessageReceipts)),
        on(BatchStored, logged(entries.toldOfBatch)),
        on(ReceiptsRecorded, logged(entries.toldOfAnnouncementReceipts)),
        on(AnnouncementCorrected, logged(entries.toldOfCorrection)),
        on(AnnouncementRecalled, logged(entries.toldOfWithdrawal)),
        on(AnnouncementExpired, logged(entries.toldOfWithdrawal)),
        on(IdentityUpdated, logged(entries.toldOfIdentity)),
        on(IdentityDeleted, logged(entries.toldOfIdentity)),
        on(FollowingChanged, logged(entries.toldOfFollowing)),
      ],
      dependencies: [deps.mongo, deps.conversation, deps.directory],
    }),
    consumer({
      queue: SOCKETS_QUEUE,
      scope: "instance",
      prefetch: 500,
      handlers: [on(ChangeLogged, tellLoggedChanges(deps))],
      onGap: deps.onGap,
    }),
    consumer({
      queue: "realtime.typing",
      scope: "instance",
      handlers: [on(TypingStarted, showTyping(deps))],
    }),
    consumer({
      queue: "realtime.ended-sessions",
      scope: "instance",
      handlers: [
        on(AppChanged, endSocketsOfApp(deps)),
        on(SessionEnded, endSocketsOfSession(deps)),
        on(SessionsEnded, endSocketsOfUser(deps)),
        on(UserSuspended, endSocketsOfUser(deps)),
        on(UserDeleted, endSocketsOfUser(deps)),
      ],
      onGap: () => {
        deps.sessions.forgetAll();
        deps.onGap();
      },
    }),
    consumer({
      queue: "realtime.app-settings",
      scope: "instance",
      handlers: [
        on(AppSettingsChanged, async ({ payload }) => {
          deps.settings.forget(payload.appId);
          return ack;
        }),
      ],
      onGap: () => deps.settings.forgetAll(),
    }),
    consumer({
      queue: "realtime.queries",
      handlers: [on(FindOnlineUsers, findOnlineUsers(deps)), on(GetPresence, getPresence(deps))],
    }),
  ];
}
