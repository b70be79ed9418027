import { composer, type ContentUrls, type SettingsCache, type ProfileCache } from "@strata/doors";
import { backendDoor, userDoor } from "../conversing/doors.ts";
import type { Route } from "../http/route.ts";
import { conversationBans } from "./conversation-bans.ts";
import { conversationMembers } from "./conversation-members.ts";
import { conversationSchedule } from "./conversation-schedule.ts";
import { conversationRoutes, deleteConversation } from "./conversations.ts";
import { deleteMessage, deleteUserMessage } from "./deleted-messages.ts";
import { guestRoutes } from "./guest-invites.ts";
import { inviteRoutes } from "./invites.ts";
import type { KnownUsers } from "./known-users.ts";
import { recordMessageReceipt } from "./message-receipts.ts";
import { getMessage, messageRoutes } from "./messages.ts";
import { partChangingRoutes } from "./part-changes.ts";
import { partReadingRoutes } from "./parts.ts";
import { getResponses } from "./responses.ts";
import { deleteUserConversation, listUserConversations, markAllRead } from "./user-conversations.ts";

interface Deps {
  readonly users: KnownUsers;
  readonly settings: Pick<SettingsCache, "of">;
  readonly profiles: ProfileCache;
  readonly contents: ContentUrls;
  readonly maxBodyBytes: number;
  readonly maxPartBytes: number;
}

/** Conversations, messages and their parts, for the backend and in the name of a user (server API 6, 7, 11). */
export function conversing(deps: Deps): readonly Route[] {
  const { maxBodyBytes } = deps;
  const shared = { ...deps, composer: composer(deps) };
  const backend = backendDoor();
  const user = userDoor(deps.users);
  return [
    ...conversationRoutes(backend, shared),
    ...conversationRoutes(user, shared),
    deleteConversation(backend),
    ...conversationSchedule(backend, shared),
    ...inviteRoutes(backend, shared),
    ...inviteRoutes(user, shared),
    ...guestRoutes(user, shared),
    ...conversationMembers(backend, shared),
    ...conversationMembers(user, shared),
    ...conversationBans(backend, shared),
    ...conversationBans(user, shared),
    listUserConversations(user, shared.composer),
    deleteUserConversation(user),
    markAllRead(user, maxBodyBytes),
    ...messageRoutes(backend, shared),
    ...messageRoutes(user, shared),
    getMessage(user, shared.composer, "anywhere"),
    deleteMessage(backend),
    deleteUserMessage(user),
    recordMessageReceipt(user, maxBodyBytes),
    ...partReadingRoutes(backend, "in-conversation", shared.composer),
    ...partReadingRoutes(user, "anywhere", shared.composer),
    ...partChangingRoutes(backend, shared),
    getResponses(backend),
    getResponses(user),
  ];
}
