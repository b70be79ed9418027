import { contentUrls, type SettingsCache, profileCache } from "@strata/doors";
import type { Config } from "./config.ts";
import { contentDoor } from "./content/content-door.ts";
import { contentRelay } from "./content/content-relay.ts";
import { backendDoor, userDoor } from "./conversing/doors.ts";
import { inFlightLimit } from "./http/in-flight.ts";
import type { Route } from "./http/route.ts";
import type { SessionDeps } from "./http/session-authentication.ts";
import type { SignUpLimit } from "./http/sign-up-limit.ts";
import { getApp, patchApp } from "./routes/app.ts";
import { appLifeRoutes } from "./routes/app-life.ts";
import { changeAppSettings, getAppSettings } from "./routes/app-settings.ts";
import { accountMemberRoutes } from "./routes/account-members.ts";
import { createApp, listApps } from "./routes/account-apps.ts";
import { ownTokenRoutes, tokenRoutes } from "./routes/account-tokens.ts";
import { listAudit } from "./routes/audit.ts";
import { listAnnouncementRecipients } from "./routes/announcement-recipients.ts";
import { previewAnnouncement } from "./routes/announcement-preview.ts";
import { announcementStates } from "./routes/announcement-states.ts";
import { getAnnouncementStatus } from "./routes/announcement-status.ts";
import { getAnnouncementTimeline } from "./routes/announcement-timeline.ts";
import { createAnnouncement } from "./routes/announcements.ts";
import { clientRoutes } from "./routes/client-api.ts";
import { clientIdentities } from "./routes/client-identities.ts";
import { conversing } from "./routes/conversing.ts";
import { contentBytes } from "./routes/content-bytes.ts";
import { conversationContent, userContent } from "./routes/content.ts";
import { getDevice, listDevices, registerDevice, removeDevice } from "./routes/devices.ts";
import { documentation } from "./routes/documentation.ts";
import { identityKeyRoutes } from "./routes/identity-keys.ts";
import { identityProviderRoutes } from "./routes/identity-providers.ts";
import { getInboxEntry, listInbox } from "./routes/inbox.ts";
import { getInsights } from "./routes/insights.ts";
import { deleteInboxEntry, markInboxRead } from "./routes/inbox-changes.ts";
import { deleteLocation, getLocation, putLocation } from "./routes/location.ts";
import { segmentRoutes } from "./routes/segments.ts";
import type { KnownUsers } from "./routes/known-users.ts";
import { recipientUpload } from "./routes/recipient-upload.ts";
import { messagePolicyRoutes } from "./routes/message-policy.ts";
import { getNotification, pushNotification } from "./routes/notifications.ts";
import { pushCredentialRoutes } from "./routes/push-credentials.ts";
import { explainPush } from "./routes/push-explanation.ts";
import { membershipRuleRoutes } from "./routes/membership-rules.ts";
import { pushPolicyRoutes } from "./routes/push-policy.ts";
import { pushPreferencesRoutes } from "./routes/push-preferences.ts";
import { moderationRoutes } from "./routes/moderation.ts";
import { pushTokens } from "./routes/push-tokens.ts";
import { recordReceipt } from "./routes/receipts.ts";
import { getRecipientStory } from "./routes/recipient-story.ts";
import { reportReceipts } from "./routes/reported-receipts.ts";
import { searchUser } from "./routes/search.ts";
import { copyAppSettings } from "./routes/settings-copy.ts";
import { sandboxRoutes } from "./routes/sandboxes.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { signUpRoutes } from "./routes/sign-up.ts";
import { getUsage } from "./routes/usage.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { getUnread, reconcileUnread } from "./routes/unread.ts";
import { getMissed, getVisit, putVisit } from "./routes/visit.ts";
import { getUserDeletion } from "./routes/user-deletion.ts";
import { exportUser } from "./routes/user-export.ts";
import { userManagement } from "./routes/user-management.ts";

/** What the routes remember for a while, and events make them forget; and who counts those that sign up. */
export interface RouteDeps extends SessionDeps {
  readonly settings: SettingsCache;
  readonly users: KnownUsers;
  /** null: nobody signs up here. */
  readonly signUps: SignUpLimit | null;
}

/** Every endpoint there is; what is not here is 404 `invalid_endpoint`. */
export function routesOf(config: Config, { settings, users, sessions, nonces, signUps }: RouteDeps): readonly Route[] {
  const profiles = profileCache();
  const contents = contentUrls({ key: config.CONTENT_KEY, publicUrl: config.PUBLIC_URL });
  const maxBodyBytes = config.MAX_BODY_BYTES;
  const user = userDoor(users);
  const announcing = {
    profiles,
    settings,
    maxBodyBytes: config.MAX_ANNOUNCEMENT_BODY_BYTES,
    maxRecipients: config.MAX_ANNOUNCEMENT_RECIPIENTS,
    maxContentBytes: config.MAX_ANNOUNCEMENT_CONTENT_BYTES,
    maxParts: config.MAX_PARTS,
    maxPartBytes: config.MAX_PART_BYTES,
    longListDeadlineMs: config.LONG_LIST_DEADLINE_MS,
  };
  const routes = [
    createAnnouncement(announcing),
    previewAnnouncement(announcing),
    getAnnouncementStatus(),
    ...announcementStates({
      settings,
      maxBodyBytes: config.MAX_ANNOUNCEMENT_BODY_BYTES,
      maxContentBytes: config.MAX_ANNOUNCEMENT_CONTENT_BYTES,
      maxParts: config.MAX_PARTS,
      maxPartBytes: config.MAX_PART_BYTES,
    }),
    ...recipientUpload({ settings, longListDeadlineMs: config.LONG_LIST_DEADLINE_MS }),
    getAnnouncementTimeline(),
    listAnnouncementRecipients(),
    getRecipientStory({ users }),
    getInsights(),
    pushNotification(announcing),
    getNotification(),
    reportReceipts({ maxBodyBytes }),
    ...userManagement({ users, settings, profiles, maxBodyBytes }),
    getApp(),
    patchApp({ settings, maxBodyBytes }),
    listInbox({ users, profiles }),
    markInboxRead({ users, maxBodyBytes }),
    getInboxEntry({ users, profiles }),
    deleteInboxEntry({ users }),
    recordReceipt({ maxBodyBytes }),
    searchUser({ users, profiles, contents }),
    getUnread(),
    reconcileUnread(),
    putVisit({ maxBodyBytes }),
    getVisit(),
    getMissed(),
    ...conversing({ users, settings, profiles, contents, maxBodyBytes, maxPartBytes: config.MAX_PART_BYTES }),
    ...membershipRuleRoutes({ settings, profiles, maxBodyBytes, maxPartBytes: config.MAX_PART_BYTES }),
    registerDevice({ users, webPushHosts: config.WEBPUSH_HOSTS, maxBodyBytes }),
    listDevices({ users }),
    ...pushPolicyRoutes({ maxBodyBytes }),
    ...messagePolicyRoutes({
      settings,
      maxBodyBytes,
      maxPartBytes: config.MAX_PART_BYTES,
      areLocalWebhooksAllowed: config.ALLOW_LOCAL_WEBHOOKS,
    }),
    ...webhookRoutes({ maxBodyBytes }),
    ...pushPreferencesRoutes({ users, maxBodyBytes }),
    explainPush({ users }),
    getDevice({ users }),
    removeDevice({ users }),
    ...pushTokens({ users, maxBodyBytes }),
    putLocation({ maxBodyBytes }),
    getLocation({ users }),
    deleteLocation(),
    ...segmentRoutes({ maxBodyBytes, longListDeadlineMs: config.LONG_LIST_DEADLINE_MS }),
    ...signUpRoutes({ signUps }),
    ...sandboxRoutes(),
    createApp({ maxBodyBytes }),
    listApps(),
    ...appLifeRoutes({ maxBodyBytes }),
    getAppSettings(),
    getUsage(),
    copyAppSettings({ settings, maxBodyBytes }),
    changeAppSettings({ settings, maxBodyBytes }),
    listAudit(),
    ...ownTokenRoutes({ maxBodyBytes }),
    ...tokenRoutes({ maxBodyBytes }),
    ...accountMemberRoutes({ maxBodyBytes }),
    ...conversationContent(backendDoor(), contents),
    ...conversationContent(user, contents),
    ...userContent(user, contents),
    ...contentBytes(
      contentDoor({
        key: config.CONTENT_KEY,
        relay: contentRelay(config.CONTENT_URL),
        inFlight: inFlightLimit(config.MAX_TRANSFERS_PER_APP),
      }),
    ),
    ...pushCredentialRoutes({ maxBodyBytes, credentialsKey: config.CREDENTIALS_KEY }),
    ...identityProviderRoutes({ maxBodyBytes }),
    ...identityKeyRoutes({ maxBodyBytes }),
  ];
  const all = [
    ...routes,
    ...sessionRoutes({ sessions, nonces }),
    ...clientIdentities({ users, settings }),
    ...moderationRoutes({ users, maxBodyBytes, areLocalWebhooksAllowed: config.ALLOW_LOCAL_WEBHOOKS }),
    exportUser({ users }),
    getUserDeletion(),
    ...clientRoutes(routes),
  ];
  return [...all, ...documentation(all, config.PUBLIC_URL)];
}
