import {
  AcceptInvitation,
  AuthenticateSession,
  AuthenticateToken,
  ChangeApp,
  ChangeAppSettings,
  ChangeBlocks,
  ChangeFollowing,
  ChangeIdentity,
  ChangeIdentityKey,
  ChangeMember,
  ChangeSegment,
  ConversationCreated,
  CountAudience,
  CreateApp,
  CreateIdentity,
  CreateIdentityKey,
  CreateIdentityProvider,
  CreateSegment,
  CreateSession,
  CreateToken,
  DeleteIdentity,
  DeleteSegment,
  DeleteUser,
  DeviceRegistered,
  DeviceRemoved,
  EndSession,
  EndSessions,
  FindBlockers,
  FindIdentityKey,
  FindPersonalFacts,
  FindBadgeFacts,
  FindPushFacts,
  FindTimeZones,
  FindUnknownUsers,
  FindFollowed,
  FindUsersKnownBefore,
  GetApp,
  GetAppOpening,
  GetAppSettings,
  GetIdentities,
  GetLocation,
  GetSegment,
  GetToken,
  GetUser,
  GetUserDeletion,
  InviteMember,
  IsFollowing,
  LiftSandbox,
  ListAccountMembers,
  ListApps,
  ListAudit,
  ListBlocks,
  ListDirectoryRecords,
  ListFollowers,
  ListFollowing,
  ListIdentityKeys,
  ListIdentityProviders,
  ListSandboxes,
  ListSegments,
  ListTokens,
  MakeUsersKnown,
  MatchesAudience,
  MatchUsers,
  ParticipantsChanged,
  RecordAct,
  RecordTokenUses,
  RecordVisit,
  RemoveLocation,
  ReportDeletion,
  RemoveMember,
  RenewInvitation,
  ReplaceIdentity,
  RevokeToken,
  RotateToken,
  SetLocation,
  SetExternalUnread,
  SignUp,
  SuspendUser,
} from "@strata/contracts";
import { type Consumer, consumer, on, onGroup, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { acceptInvitation } from "./handlers/accept-invitation.ts";
import { countAudience, matchesAudience, matchUsers } from "./handlers/audience.ts";
import { changeApp } from "./handlers/change-app.ts";
import { getAppOpening } from "./handlers/get-app-opening.ts";
import { changeAppSettings, getAppSettings } from "./handlers/app-settings.ts";
import { authenticateToken } from "./handlers/authenticate-token.ts";
import { findBlockers, listBlocks } from "./handlers/blocks.ts";
import { changeBlocks } from "./handlers/change-blocks.ts";
import { changeFollowing } from "./handlers/change-following.ts";
import { changeIdentity, replaceIdentity } from "./handlers/change-identity.ts";
import { changeMember, removeMember } from "./handlers/change-member.ts";
import { createApp } from "./handlers/create-app.ts";
import { createIdentities } from "./handlers/create-identities.ts";
import { createSession } from "./handlers/create-session.ts";
import { createToken } from "./handlers/create-token.ts";
import { deleteIdentity } from "./handlers/delete-identity.ts";
import { getUserDeletion, reportDeletion } from "./handlers/deletions.ts";
import { deleteUser } from "./handlers/delete-user.ts";
import { endSessions } from "./handlers/end-sessions.ts";
import { findTimeZones, findUsersKnownBefore } from "./handlers/audience-facts.ts";
import { findPersonalFacts } from "./handlers/find-personal-facts.ts";
import { findBadgeFacts } from "./handlers/find-badge-facts.ts";
import { findPushFacts } from "./handlers/find-push-facts.ts";
import { findUnknownUsers } from "./handlers/find-unknown-users.ts";
import { findFollowed, isFollowing, listFollowers, listFollowing } from "./handlers/followings.ts";
import { getApp } from "./handlers/get-app.ts";
import { getIdentities } from "./handlers/get-identities.ts";
import { getUser } from "./handlers/get-user.ts";
import {
  changeIdentityKey,
  createIdentityKey,
  createIdentityProvider,
  findIdentityKey,
  listIdentityKeys,
  listIdentityProviders,
} from "./handlers/identity-providers.ts";
import { inviteMember, renewInvitation } from "./handlers/invite-member.ts";
import { listAccountMembers } from "./handlers/list-account-members.ts";
import { listDirectoryRecords } from "./handlers/list-directory-records.ts";
import { listApps } from "./handlers/list-apps.ts";
import { listAudit } from "./handlers/list-audit.ts";
import { getToken, listTokens } from "./handlers/list-tokens.ts";
import { acquaintNewcomers, makeAcquaintances } from "./handlers/make-acquaintances.ts";
import { getLocation, removeLocation, setLocation } from "./handlers/location.ts";
import { forgetDevice, noteDevice } from "./handlers/note-device.ts";
import { recordAct } from "./handlers/record-act.ts";
import { recordTokenUses } from "./handlers/record-token-uses.ts";
import { recordVisit } from "./handlers/record-visit.ts";
import { changeSegment, createSegment, deleteSegment, getSegment, listSegments } from "./handlers/segments.ts";
import { makeUsersKnown } from "./handlers/make-users-known.ts";
import { revokeToken } from "./handlers/revoke-token.ts";
import { rotateToken } from "./handlers/rotate-token.ts";
import { liftSandbox, listSandboxes } from "./handlers/sandboxes.ts";
import { authenticateSession, endSession } from "./handlers/sessions.ts";
import { setExternalUnread } from "./handlers/set-external-unread.ts";
import { signUp } from "./handlers/sign-up.ts";
import { suspendUser } from "./handlers/suspend-user.ts";
import { moderationAdmin, type ModerationDeps, moderationInLane, moderationQueries } from "./moderation-consumers.ts";
import type { AccountStore } from "./store/account-store.ts";
import type { AppStore } from "./store/app-store.ts";
import type { AudienceStore } from "./store/audience-store.ts";
import type { AuditStore } from "./store/audit-store.ts";
import type { BlockStore } from "./store/block-store.ts";
import type { DeletionStore } from "./store/deletion-store.ts";
import type { FollowingStore } from "./store/following-store.ts";
import type { IdentityProviderStore } from "./store/identity-provider-store.ts";
import type { IdentityStore } from "./store/identity-store.ts";
import type { MembershipStore } from "./store/membership-store.ts";
import type { SegmentStore } from "./store/segment-store.ts";
import type { SessionStore } from "./store/session-store.ts";
import type { TokenStore } from "./store/token-store.ts";
import type { UserCountStore } from "./store/user-count-store.ts";
import type { UserFactsStore } from "./store/user-facts-store.ts";
import type { UserRecordsStore } from "./store/user-records-store.ts";

interface Deps extends ModerationDeps {
  readonly accounts: AccountStore;
  readonly memberships: MembershipStore;
  readonly apps: AppStore;
  readonly tokens: TokenStore;
  readonly providers: IdentityProviderStore;
  readonly identities: IdentityStore;
  readonly sessions: SessionStore;
  readonly audiences: AudienceStore;
  readonly audit: AuditStore;
  readonly counts: UserCountStore;
  readonly segments: SegmentStore;
  readonly userFacts: UserFactsStore;
  readonly userRecords: UserRecordsStore;
  readonly deletions: DeletionStore;
  readonly followings: FollowingStore;
  readonly blocks: BlockStore;
  readonly publisher: Publisher;
  readonly appDeletionGraceMs: number;
  readonly mongo: Dependency;
}

/** Everything this service listens to. */
export const consumers = (deps: Deps): readonly Consumer[] => [
  consumer({
    queue: "directory.admin",
    prefetch: 20,
    handlers: [
      on(SignUp, signUp(deps)),
      on(LiftSandbox, liftSandbox(deps)),
      on(CreateApp, createApp(deps)),
      on(ChangeApp, changeApp(deps)),
      on(ChangeAppSettings, changeAppSettings(deps)),
      on(CreateToken, createToken(deps)),
      on(RevokeToken, revokeToken(deps)),
      on(RotateToken, rotateToken(deps)),
      on(RecordTokenUses, recordTokenUses(deps)),
      on(RecordAct, recordAct(deps)),
      on(InviteMember, inviteMember(deps)),
      on(RenewInvitation, renewInvitation(deps)),
      on(AcceptInvitation, acceptInvitation(deps)),
      on(ChangeMember, changeMember(deps)),
      on(RemoveMember, removeMember(deps)),
      on(CreateSegment, createSegment(deps)),
      on(ChangeSegment, changeSegment(deps)),
      on(DeleteSegment, deleteSegment(deps)),
      on(CreateIdentityProvider, createIdentityProvider(deps)),
      on(CreateIdentityKey, createIdentityKey(deps)),
      on(ChangeIdentityKey, changeIdentityKey(deps)),
      ...moderationAdmin(deps),
    ],
    dependencies: [deps.mongo],
  }),
  // All that changes one user, in the order sent: rows remember her last command only.
  consumer({
    queue: "directory.identities",
    prefetch: 200,
    handlers: [
      onGroup(CreateIdentity, createIdentities(deps)),
      on(ChangeIdentity, changeIdentity(deps)),
      on(ReplaceIdentity, replaceIdentity(deps)),
      on(DeleteIdentity, deleteIdentity(deps)),
      on(ChangeFollowing, changeFollowing(deps)),
      on(ChangeBlocks, changeBlocks(deps)),
      on(SuspendUser, suspendUser(deps)),
      on(CreateSession, createSession(deps)),
      on(EndSessions, endSessions(deps)),
      on(SetExternalUnread, setExternalUnread(deps)),
      on(SetLocation, setLocation(deps)),
      on(RemoveLocation, removeLocation(deps)),
      on(RecordVisit, recordVisit(deps)),
      on(DeleteUser, deleteUser(deps)),
      ...moderationInLane(deps),
    ],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "directory.deletions",
    handlers: [on(ReportDeletion, reportDeletion(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "directory.sessions",
    handlers: [on(EndSession, endSession(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "directory.users",
    handlers: [on(MakeUsersKnown, makeUsersKnown(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "directory.devices",
    handlers: [on(DeviceRegistered, noteDevice(deps)), on(DeviceRemoved, forgetDevice(deps))],
    dependencies: [deps.mongo],
  }),
  // A few at a time: one large conversation is a million rows to write.
  consumer({
    queue: "directory.acquaintances",
    prefetch: 8,
    handlers: [on(ConversationCreated, makeAcquaintances(deps)), on(ParticipantsChanged, acquaintNewcomers(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "directory.queries",
    handlers: [
      on(AuthenticateToken, authenticateToken(deps)),
      on(AuthenticateSession, authenticateSession(deps)),
      on(FindIdentityKey, findIdentityKey(deps)),
      on(ListIdentityProviders, listIdentityProviders(deps)),
      on(ListIdentityKeys, listIdentityKeys(deps)),
      on(GetApp, getApp(deps)),
      on(GetAppSettings, getAppSettings(deps)),
      on(GetAppOpening, getAppOpening(deps)),
      on(ListSandboxes, listSandboxes(deps)),
      on(ListAccountMembers, listAccountMembers(deps)),
      on(ListApps, listApps(deps)),
      on(ListAudit, listAudit(deps)),
      on(ListTokens, listTokens(deps)),
      on(GetToken, getToken(deps)),
      on(GetIdentities, getIdentities(deps)),
      on(FindUnknownUsers, findUnknownUsers(deps)),
      on(GetUser, getUser(deps)),
      on(GetUserDeletion, getUserDeletion(deps)),
      on(IsFollowing, isFollowing(deps)),
      on(ListFollowing, listFollowing(deps)),
      on(ListFollowers, listFollowers(deps)),
      on(FindFollowed, findFollowed(deps)),
      on(ListBlocks, listBlocks(deps)),
      on(ListDirectoryRecords, listDirectoryRecords(deps)),
      on(FindBlockers, findBlockers(deps)),
      on(GetLocation, getLocation(deps)),
      on(GetSegment, getSegment(deps)),
      on(ListSegments, listSegments(deps)),
      on(MatchUsers, matchUsers(deps)),
      on(CountAudience, countAudience(deps)),
      on(MatchesAudience, matchesAudience(deps)),
      on(FindTimeZones, findTimeZones(deps)),
      on(FindUsersKnownBefore, findUsersKnownBefore(deps)),
      on(FindPersonalFacts, findPersonalFacts(deps)),
      on(FindPushFacts, findPushFacts(deps)),
      on(FindBadgeFacts, findBadgeFacts(deps)),
      ...moderationQueries(deps),
    ],
    dependencies: [deps.mongo],
  }),
];
