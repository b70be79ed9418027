export { ERRORS } from "./error-table.ts";
export type { ErrorId } from "./error-table.ts";
export { LayerError, errorBody, layerError } from "./layer-error.ts";
export type { ErrorBody } from "./layer-error.ts";
export * from "./errors.ts";
export {
  NEWEST_VERSION,
  VERSIONS,
  hasAddressableParts,
  negotiateVersion,
  requireLayerPatchType,
  usesIdentityIds,
} from "./versions.ts";
export type { LayerVersion } from "./versions.ts";
export {
  appUri,
  environmentInAppId,
  isUuid,
  objectUri,
  parseAppId,
  parseObjectId,
  parsePartUri,
  partUri,
} from "./ids.ts";
export type { ObjectKind, PartOwner } from "./ids.ts";
export {
  encodeUserId,
  formatUserReference,
  identityUri,
  isUserId,
  parseIdentityUri,
  parseUserCursor,
  parseUserReference,
  requireUserId,
} from "./user-ids.ts";
export { chosenObjectId, parseIdempotencyKey, parseIfNoneMatch } from "./request-ids.ts";
export { OBJECT_PAGES, USER_PAGES, parsePaging } from "./paging.ts";
export type { PageSizes, Paging } from "./paging.ts";
export {
  isAbsent,
  isJsonObject,
  isPrototypeKey,
  isStorableKey,
  requireJsonObject,
  requireProperties,
} from "./json-object.ts";
export { parseBySchema } from "./schema-errors.ts";
export type { JsonObject } from "./json-object.ts";
export { parsePatch } from "./parse-patch.ts";
export type { PatchOperation, PatchVerb } from "./parse-patch.ts";
export { applyPatch } from "./apply-patch.ts";
export type { ObjectProperty, PatchSchema, SetMember, SetProperty, ValueProperty } from "./apply-patch.ts";
export { formatPatchProperty, parsePatchProperty } from "./patch-property.ts";
export { parsePersonalTerms } from "./personal-terms.ts";
export type { NormalisedPersonalTerms } from "./personal-terms.ts";
export { parseInlineParts, requirePartProperties } from "./message-parts.ts";
export type { MessagePart, NewPart, PartLimits, PartParsing } from "./message-parts.ts";
export { parsePartBody, parsePartReference, parsePartsBody } from "./part-requests.ts";
export type { PartReference } from "./part-requests.ts";
export { parseSending } from "./message-request.ts";
export type { NewMessage, SendParsing, Sending } from "./message-request.ts";
export { NotificationBody, notificationView, parseNotification } from "./notification.ts";
export type { NormalisedNotification, NotificationContent } from "./notification.ts";
export { notificationUrl, parseNotificationRequest, pushedNotificationView } from "./notification-request.ts";
export type { NotificationFacts, NotificationRequest } from "./notification-request.ts";
export { parseAnnouncementChange } from "./announcement-change.ts";
export type { AnnouncementChange } from "./announcement-change.ts";
export { parseAnnouncementTerms } from "./announcement-terms.ts";
export type { NormalisedTerms } from "./announcement-terms.ts";
export type { ExpectedCount, RequestedAudience } from "./requested-audience.ts";
export { parseAnnouncement, parseRecipients } from "./announcement-request.ts";
export type { AnnouncementLimits, AnnouncementRequest } from "./announcement-request.ts";
export type { Sender } from "./senders.ts";
export {
  announcementPosition,
  announcementStateView,
  announcementStatusView,
  announcementTimelineView,
  announcementSystemView,
  announcementUserView,
  recipientStateView,
  uploadView,
} from "./announcement-views.ts";
export type { AnnouncementCounts, AnnouncementFacts, RecipientState } from "./announcement-views.ts";
export { profileOfSender } from "./sender-views.ts";
export type { Profile, Profiles } from "./sender-views.ts";
export { parseNewConversation } from "./conversation-request.ts";
export type { ConversationLimits, NewConversation } from "./conversation-request.ts";
export {
  guestInviteView,
  inviteView,
  parseInvite,
  parseInviteCode,
  parseInvited,
  parseInviteState,
} from "./invites.ts";
export type { InviteState, NewInvite } from "./invites.ts";
export { membershipRuleView, parseMembershipRule, parseRuleRun, ruleRunView } from "./membership-rules.ts";
export type { RuleRequest, RuleTerms } from "./membership-rules.ts";
export { parseConversationTerms, parseScheduleChange } from "./conversation-terms.ts";
export type { NewConversationTerms, ScheduleChange, SystemMessage } from "./conversation-terms.ts";
export { namedBelow } from "./below.ts";
export { parseConversationPatch } from "./conversation-patch.ts";
export type { ConversationChange } from "./conversation-patch.ts";
export type { ConversationMetadata } from "./conversation-metadata.ts";
export {
  banView,
  freezeView,
  memberView,
  parseBan,
  parseFreeze,
  parseMemberChange,
  parseMemberFilter,
  parseMute,
  parseRoles,
  ROLES,
} from "./conversation-members.ts";
export type { BanFacts, FreezeFacts, MemberFacts, Role, RoleOfUser } from "./conversation-members.ts";
export { conversationSystemView, conversationUserView, scheduleView } from "./conversation-views.ts";
export type { ConversationFacts, LifecycleFacts, UserConversationFacts } from "./conversation-views.ts";
export {
  conversationUrl,
  messageCreatedView,
  messagePartsView,
  messageSystemView,
  messageUserView,
  userConversationUrl,
} from "./message-views.ts";
export type { MessageFacts, MessageLookups, UserMessageFacts } from "./message-views.ts";
export { partView } from "./part-views.ts";
export { responsesView } from "./response-views.ts";
export type { ResponsesView } from "./response-views.ts";
export type { PartFacts } from "./part-views.ts";
export { parseReadPosition, sequenceAt, wirePosition } from "./positions.ts";
export { parseDeleteMode } from "./delete-modes.ts";
export type { DeleteMode } from "./delete-modes.ts";
export {
  IdentityBody,
  basicIdentity,
  clientIdentityView,
  identityView,
  namedIdentity,
  parseIdentity,
} from "./identities.ts";
export type { BasicIdentity, IdentityFields } from "./identities.ts";
export { parseIdentityPatch } from "./identity-patch.ts";
export type { IdentityChange } from "./identity-patch.ts";
export { parseBlock, parseUserPatch } from "./user-patch.ts";
export type { BlocksChange, UserPatch } from "./user-patch.ts";
export { parseFollowing } from "./following.ts";
export { parseInboxFilter, parseReadUntil, parseSince, parseVisit, visitView } from "./inbox.ts";
export { BadgeBody, badgeView, parseBadge } from "./badge.ts";
export { parseAppPatch, SESSION_TTL_SECONDS } from "./app-patch.ts";
export { blocksView, identitySeenBy, userView } from "./user-views.ts";
export type { IdentityVisibility } from "./user-views.ts";
export {
  MAX_REPORTED_RECEIPTS,
  parseAnnouncementReceipt,
  parseReceipt,
  parseReportedReceipt,
  parseReportedReceipts,
} from "./receipts.ts";
export type { AnnouncementReceiptKind, ReceiptKind, ReportedReceipt } from "./receipts.ts";
export { DeviceBody, deviceView, parseDevice, requireDeviceId } from "./devices.ts";
export { parsePushToken, PushTokenBody } from "./push-tokens.ts";
export type { DeviceFields } from "./devices.ts";
export { appUrl, userUrl } from "./urls.ts";
export type { WireContext } from "./urls.ts";
export { formatOptionalTime, formatTime, parseTime } from "./timestamps.ts";
export { parseContentHeaders, parseContentReference } from "./content-request.ts";
export type { ContentAnnouncement } from "./content-request.ts";
export { announcedContentView, bareContentView, contentView } from "./content-views.ts";
export type { ContentLinks, ContentReference, ContentView, ContentViews } from "./content-views.ts";
export { parseAudienceFilter } from "./audience.ts";
export type { AudienceFilter } from "./audience.ts";
export { audienceFilterView } from "./audience-views.ts";
export { locationView, parseLocation } from "./places.ts";
export { parseSegment, parseSegmentChange, segmentView } from "./segments.ts";
export {
  announcementObject,
  conversationObject,
  createPacket,
  deletePacket,
  identityObject,
  markAllReadPacket,
  messageObject,
  PRESENCE_STATUSES,
  presencePacket,
  recipientStatusPath,
  setObject,
  setValue,
  updatePacket,
} from "./packets.ts";
export type { Packet, PacketObject, PacketOperation, PresenceStatus } from "./packets.ts";
export { parseSocketPacket } from "./socket-request.ts";
export type { SocketRequest, TypingAction, TypingSignal } from "./socket-request.ts";
