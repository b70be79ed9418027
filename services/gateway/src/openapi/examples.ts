/** The ids of one story that all examples of the document tell together. */
export const exampleIds = {
  app: "3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11",
  conversation: "7a2c1f64-3c92-41e4-baad-164230d1df67",
  message: "940de862-3c96-41e4-baad-164230d1df67",
  part: "f3cc7b32-3c92-41e4-baad-164230d1df67",
  announcement: "f1a5c8d2-3c92-41e4-baad-164230d1df67",
  content: "7a0aefb8-3c97-41e4-baad-164230d1df67",
  token: "0d0c2c6e-5a0e-4a53-9d0b-6ad3d5a5bb0c",
  segment: "5c1c7f9e-3c92-41e4-baad-164230d1df67",
  provider: "3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11",
  key: "5b2e7b6d-8e4e-4b55-8d1f-7b3b5e0b2d22",
  pushCredential: "c9b1d2aa-6f0e-4a6b-8a57-2f6c0a9d3e41",
} as const;
const API = `https://api.example.com/apps/${exampleIds.app}`;
const PROVIDERS = `https://api.example.com/accounts/apps/${exampleIds.app}/identity_providers`;
const AT = "2020-01-02T03:04:05.678Z";

const basicIdentity = {
  id: "layer:///identities/user-1",
  url: `${API}/users/user-1/identity`,
  user_id: "user-1",
  display_name: "Ann",
  avatar_url: null,
};
const operator = {
  id: "layer:///identities/operator",
  url: `${API}/users/operator/identity`,
  user_id: "operator",
  display_name: "Operations",
  avatar_url: null,
};

const identity = {
  ...basicIdentity,
  first_name: "Ann",
  last_name: null,
  phone_number: null,
  email_address: "ann@example.com",
  identity_type: "user",
  public_key: null,
  metadata: { tier: "gold" },
};

const content = {
  id: `layer:///content/${exampleIds.content}`,
  size: 20_480,
  download_url: "https://api.example.com/content/download/token",
  refresh_url: `${API}/conversations/${exampleIds.conversation}/content/${exampleIds.content}`,
  expiration: AT,
};

const part = {
  id: `layer:///messages/${exampleIds.message}/parts/${exampleIds.part}`,
  url: `${API}/conversations/${exampleIds.conversation}/messages/${exampleIds.message}/parts/${exampleIds.part}`,
  message_url: `${API}/conversations/${exampleIds.conversation}/messages/${exampleIds.message}`,
  mime_type: "text/plain",
  body: "Your order is on its way",
  encoding: null,
  content: null,
  updated_at: null,
};

const message = {
  id: `layer:///messages/${exampleIds.message}`,
  url: `${API}/conversations/${exampleIds.conversation}/messages/${exampleIds.message}`,
  receipts_url: null,
  conversation: {
    id: `layer:///conversations/${exampleIds.conversation}`,
    url: `${API}/conversations/${exampleIds.conversation}`,
  },
  position: 1_048_576,
  parts: [part],
  sent_at: AT,
  received_at: null,
  is_unread: null,
  sender: operator,
  recipient_status: { "layer:///identities/operator": "read", "layer:///identities/user-1": "sent" },
  notification: null,
  reply_to: null,
  updated_at: null,
};
const userMessage = {
  ...message,
  url: `${API}/users/user-1/messages/${exampleIds.message}`,
  receipts_url: `${API}/users/user-1/messages/${exampleIds.message}/receipts`,
  is_unread: true,
};

const conversation = {
  id: `layer:///conversations/${exampleIds.conversation}`,
  url: `${API}/conversations/${exampleIds.conversation}`,
  messages_url: `${API}/conversations/${exampleIds.conversation}/messages`,
  created_at: AT,
  participants: [basicIdentity, operator],
  distinct: true,
  metadata: { topic: { order: "4711" } },
};

const announcementPart = {
  id: `layer:///announcements/${exampleIds.announcement}/parts/0`,
  mime_type: "text/plain",
  body: "We are open on Sunday",
  encoding: null,
  content: null,
};
const announcement = {
  id: `layer:///announcements/${exampleIds.announcement}`,
  url: `${API}/announcements/${exampleIds.announcement}`,
  sent_at: AT,
  recipients: ["layer:///identities/user-1"],
  sender: operator,
  parts: [announcementPart],
};

const token = {
  id: exampleIds.token,
  url: `https://api.example.com/accounts/apps/${exampleIds.app}/tokens/${exampleIds.token}`,
  app_id: exampleIds.app,
  name: "backend",
  scopes: ["app:read", "app:write"],
  created_at: AT,
  expires_at: null,
  revoked_at: null,
};

const announcementState = {
  id: announcement.id,
  url: announcement.url,
  state: "distributed",
  created_at: AT,
  starts_at: null,
  expires_at: null,
  category: "offers",
  priority: "normal",
  silent: false,
  throttle: null,
  include_new_users_until: null,
  revision: 1,
};

const announcedInsight = {
  announcements: 1,
  sent: 4,
  delivered: 2,
  read: 1,
  opened: 1,
  deleted: 0,
  rates: { delivered: 0.5, read: 0.25, opened: 0.25, deleted: 0 },
  time_to_delivered: { p50: 1_024, p90: 2_048 },
  time_to_read: { p50: 60_097, p90: 60_097 },
};

export const examples = {
  basicIdentity,
  identity,
  user: { id: "user-1", identity, suspended: false },
  content,
  announcedContent: { ...content, upload_url: "https://api.example.com/content/upload/token" },
  part,
  message,
  userMessage,
  createdMessage: {
    id: message.id,
    url: message.url,
    conversation: message.conversation,
    channel: null,
    parts: [{ id: part.id, mime_type: part.mime_type, body: part.body, encoding: null, content: null }],
    sent_at: AT,
    sender: operator,
    recipient_status: message.recipient_status,
  },
  conversation,
  userConversation: {
    ...conversation,
    url: `${API}/users/user-1/conversations/${exampleIds.conversation}`,
    messages_url: `${API}/users/user-1/conversations/${exampleIds.conversation}/messages`,
    last_message: userMessage,
    unread_message_count: 1,
    total_message_count: 1,
  },
  announcement,
  preview: {
    count: 3,
    is_exact: true,
    looked_at: 3,
    sample: [
      {
        recipient: "layer:///identities/user-1",
        user_id: "user-1",
        display_name: "Ann",
        locale: "de-AT",
        platforms: ["android"],
      },
    ],
    payload_sizes: {
      apns: { bytes: 214, limit: 4_096, fits: true, user_id: "user-1", reason: null },
      fcm: { bytes: 262, limit: 4_096, fits: true, user_id: "user-1", reason: null },
    },
    left_out: [
      { reason: "unknown_user", from: "inbox", count: 1, users: ["layer:///identities/user-9"] },
      { reason: "no_device", from: "push", count: 1, users: ["layer:///identities/user-2"] },
    ],
  },
  upload: { id: announcement.id, url: announcement.url, state: "accepting", lines: 3 },
  startedUpload: { ...announcementState, state: "distributing", reached: 0, recipients: 3 },
  announcementState: { ...announcementState, state: "paused", reached: 4_000 },
  announcementStatus: {
    ...announcementState,
    counts: {
      recipients: 3,
      unknown: 1,
      sent: 2,
      delivered: 2,
      read: 1,
      opened: 1,
      deleted: 0,
      pushed: 2,
      pushed_by_platform: { ios: 1, android: 1, web: 0 },
      failed: 1,
      failed_by_reason: { UNREGISTERED: 1 },
    },
  },
  announcementTimeline: [{ at: AT, sent: 3, delivered: 2, read: 1, opened: 1, deleted: 0 }],
  insights: {
    buckets: [{ at: AT, ...announcedInsight, messages: 12, active_users: 3 }],
    total: { ...announcedInsight, messages: 12 },
    categories: [{ category: "news", ...announcedInsight }],
  },
  recipientState: {
    recipient: "layer:///identities/user-1",
    user_id: "user-1",
    status: "read",
    delivered_at: AT,
    read_at: AT,
    opened_at: null,
    deleted_at: null,
  },
  recipientStory: {
    recipient: "layer:///identities/user-1",
    user_id: "user-1",
    is_recipient: true,
    status: "sent",
    sent_at: AT,
    delivered_at: null,
    read_at: null,
    opened_at: null,
    deleted_at: null,
    revision_read: null,
    pushes: [
      {
        device_id: "phone-1",
        platform: "android",
        outcome: "failed",
        reason: "UNREGISTERED",
        provider_id: null,
        at: AT,
      },
    ],
    why_not: [{ code: "push_failed", message: "FCM or APNs refused the push: UNREGISTERED", device_id: "phone-1" }],
  },
  inboxEntry: {
    id: announcement.id,
    url: `${API}/users/user-1/announcements/${exampleIds.announcement}`,
    receipts_url: `${API}/users/user-1/announcements/${exampleIds.announcement}/receipts`,
    conversation: null,
    position: 1_617_000_000_000,
    parts: [announcementPart],
    sent_at: AT,
    received_at: null,
    is_unread: true,
    sender: operator,
    recipient_status: { "layer:///identities/user-1": "sent" },
    notification: null,
    reply_to: null,
    updated_at: null,
  },
  device: {
    device_id: "phone-1",
    url: `${API}/users/user-1/devices/phone-1`,
    user_id: "user-1",
    platform: "android",
    kind: "fcm_token",
    environment: "production",
    app_id: "com.example.shop",
    locale: "de-AT",
    time_zone: "Europe/Vienna",
    app_version: "1.2.3",
    registered_at: AT,
  },
  location: { latitude: 48.2, longitude: 16.37, at: AT },
  segment: {
    id: `layer:///segments/${exampleIds.segment}`,
    url: `${API}/segments/${exampleIds.segment}`,
    name: "Gold near the shop",
    filter: {
      and: [
        { field: "metadata.tier", eq: "gold" },
        { within: { circle: { latitude: 48.2, longitude: 16.37, radius_meters: 2_000 } }, max_age_seconds: 600 },
      ],
    },
    created_at: AT,
    updated_at: AT,
  },
  app: {
    id: `layer:///apps/production/${exampleIds.app}`,
    url: `https://api.example.com/accounts/apps/${exampleIds.app}`,
    app_id: exampleIds.app,
    name: "Shop",
    created_at: AT,
  },
  token,
  identityProvider: {
    id: `layer:///providers/${exampleIds.provider}`,
    url: `${PROVIDERS}/${exampleIds.provider}`,
    app_id: exampleIds.app,
    name: "backend",
    created_at: AT,
  },
  identityKey: {
    id: `layer:///keys/${exampleIds.key}`,
    url: `${PROVIDERS}/${exampleIds.provider}/keys/${exampleIds.key}`,
    provider_id: `layer:///providers/${exampleIds.provider}`,
    public_key: "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq…\n-----END PUBLIC KEY-----\n",
    enabled: true,
    created_at: AT,
  },
  newToken: { ...token, token: `strata_${"x".repeat(33)}` },
} as const;
