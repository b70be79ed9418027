import {
  AcceptNotification,
  DeletePushCredential,
  type Device,
  GetDevice,
  GetNotification,
  GetPushCounts,
  GetPushOutcomes,
  ListDevices,
  ListPushCredentials,
  PreviewPushes,
  type PayloadOf,
  type PushCredentialInfo,
  PushNotification,
  type PushOutcomeView,
  PutPushCredential,
  RegisterDevice,
  RemoveDevice,
  SendCanary,
  UserSuspended,
} from "@strata/contracts";
import { ack, consumer, type Consumer, on, refuse, reply } from "@strata/messaging";
import type { DomainError } from "@strata/runtime";
import { type PushPoliciesPeer, pushPoliciesPeer, pushPolicyContracts } from "./push-policies.ts";

/** What the gateway sees of push-delivery, kept in memory. */
export interface PushPeer {
  readonly devices: Map<string, Device>;
  readonly removed: PayloadOf<typeof RemoveDevice>[];
  readonly credentials: Map<string, PayloadOf<typeof PutPushCredential>>;
  /** What the provider says of the next credential that is put. */
  refusal: DomainError | null;
  readonly canaries: PayloadOf<typeof SendCanary>[];
  /** By announcement and user: `<announcement>/<user>`. */
  readonly outcomes: Map<string, PushOutcomeView[]>;
  /** What previews asked about. */
  readonly notices: PayloadOf<typeof PreviewPushes>["notices"];
  readonly policies: PushPoliciesPeer;
  /** By `<app>/<notification>`: what was accepted, by which command, and the groups that came. */
  readonly notifications: Map<string, AcceptedNotification>;
}

interface AcceptedNotification extends PayloadOf<typeof AcceptNotification> {
  readonly by: string;
  readonly pushed: PayloadOf<typeof PushNotification>[];
}

export const pushContracts = [
  RegisterDevice,
  RemoveDevice,
  GetDevice,
  PutPushCredential,
  DeletePushCredential,
  SendCanary,
  ListDevices,
  ListPushCredentials,
  GetPushCounts,
  GetPushOutcomes,
  PreviewPushes,
  AcceptNotification,
  PushNotification,
  GetNotification,
  ...pushPolicyContracts,
  UserSuspended,
] as const;

const suspendedUsers = consumer({
  queue: "push-delivery.suspended-users",
  handlers: [on(UserSuspended, async () => ack)],
});

/** What is left of it while it is away: the directory does not start before somebody takes its suspensions. */
export const pushAway = [[UserSuspended], [suspendedUsers]] as const;

export function pushPeer(): { peer: PushPeer; rows: readonly Consumer[] } {
  const policies = pushPoliciesPeer();
  const peer: PushPeer = {
    devices: new Map(),
    removed: [],
    credentials: new Map(),
    refusal: null,
    canaries: [],
    outcomes: new Map(),
    notices: [],
    notifications: new Map(),
    policies: policies.peer,
  };
  const rows = [
    consumer({
      queue: "push-delivery.devices",
      handlers: [
        on(RegisterDevice, async ({ app, payload: { userId, deviceId, device, at } }) => {
          const registered = { ...device, userId, deviceId, registeredAt: at };
          peer.devices.set(`${app}/${userId}/${deviceId}`, registered);
          return reply(registered);
        }),
        on(RemoveDevice, async ({ app, payload }) => {
          peer.devices.delete(`${app}/${payload.userId}/${payload.deviceId}`);
          peer.removed.push(payload);
          return ack;
        }),
      ],
    }),
    consumer({
      queue: "push-delivery.admin",
      handlers: [
        on(PutPushCredential, async ({ app, payload }) => {
          if (peer.refusal && payload.check !== false) return refuse(peer.refusal);
          peer.credentials.set(`${app}/${payload.credentialId}`, payload);
          return ack;
        }),
        ...policies.admin,
        on(DeletePushCredential, async ({ app, payload }) =>
          reply({ isKnown: peer.credentials.delete(`${app}/${payload.credentialId}`) }),
        ),
      ],
    }),
    consumer({
      queue: "push-delivery.new-notifications",
      handlers: [
        on(AcceptNotification, async ({ app, id, payload }) => {
          const key = `${app}/${payload.notificationId}`;
          const row = peer.notifications.get(key) ?? { ...payload, by: id, pushed: [] };
          peer.notifications.set(key, row);
          const isPlanned = row.pushed.length >= row.groups;
          const goesOn = row.by === id || (!isPlanned && row.digest === payload.digest);
          return reply({ outcome: goesOn ? "accepted" : "in-use", isPlanned });
        }),
      ],
    }),
    consumer({
      queue: "push-delivery.notifications",
      handlers: [
        on(PushNotification, async ({ app, payload }) => {
          peer.notifications.get(`${app}/${payload.notificationId}`)?.pushed.push(payload);
          return ack;
        }),
      ],
    }),
    consumer({
      queue: "push-delivery.canaries",
      handlers: [
        on(SendCanary, async ({ payload }) => {
          peer.canaries.push(payload);
          return reply({ isAccepted: false, status: 410, reason: "Unregistered", providerId: "A-1", durationMs: 12 });
        }),
      ],
    }),
    consumer({ queue: "push-delivery.preferences", handlers: policies.preferences }),
    suspendedUsers,
    consumer({
      queue: "push-delivery.queries",
      handlers: [
        on(GetNotification, async ({ app, payload: { notificationId } }) => {
          const row = peer.notifications.get(`${app}/${notificationId}`);
          const counts = {
            pushed: 1,
            failed: 1,
            pushedByPlatform: { ios: 1, android: 0, web: 0 },
            failedByReason: { Unregistered: 1 },
            waiting: 2,
          };
          if (!row) return reply({ notification: null });
          const isPlanned = row.pushed.length >= row.groups;
          const { recipientCount } = row;
          return reply({ notification: { at: 0, expiresAt: 60_000, recipientCount, isPlanned, ...counts } });
        }),
        on(GetDevice, async ({ app, payload: { userId, deviceId } }) => {
          const device = peer.devices.get(`${app}/${userId}/${deviceId}`) ?? null;
          const isRemoved = peer.removed.some((one) => one.userId === userId && one.deviceId === deviceId);
          return reply({ device, wasThere: device !== null || isRemoved });
        }),
        on(ListDevices, async ({ app, payload }) =>
          reply({
            devices: [...peer.devices]
              .filter(([key]) => key.startsWith(`${app}/${payload.userId}/`))
              .map(([, device]) => device),
          }),
        ),
        on(ListPushCredentials, async ({ app, payload: { credentialId } }) =>
          reply({
            credentials: [...peer.credentials]
              .filter(
                ([key]) => key.startsWith(`${app}/`) && (credentialId === null || key === `${app}/${credentialId}`),
              )
              .map(([, credential]) => infoOf(credential)),
          }),
        ),
        // The length of a notification alone stands for that of its payload.
        on(PreviewPushes, async ({ app, payload: { userIds, notices } }) => {
          const platformsOf = (userId: string) =>
            [...peer.devices]
              .filter(([key]) => key.startsWith(`${app}/${userId}/`))
              .map(([, { platform }]) => platform);
          const sizes = notices
            .map(({ userId, notification }) => ({ userId, bytes: JSON.stringify(notification).length }))
            .toSorted((a, b) => b.bytes - a.bytes);
          const longest = sizes[0] && { ...sizes[0], limit: 4_096, fits: sizes[0].bytes <= 4_096, reason: null };
          peer.notices.push(...notices);
          return reply({
            reachable: userIds
              .map((userId) => ({ userId, platforms: platformsOf(userId) }))
              .filter(({ platforms }) => platforms.length > 0),
            payloads: longest ? { apns: longest, fcm: longest } : null,
          });
        }),
        on(GetPushCounts, async () =>
          reply({
            pushed: 5,
            failed: 1,
            pushedByPlatform: { ios: 2, android: 3, web: 0 },
            failedByReason: { UNREGISTERED: 1 },
            failedByPlatform: { ios: 1, android: 0, web: 0 },
            skipped: 3,
            skippedByPlatform: { ios: 0, android: 3, web: 0 },
            skippedByPolicy: { opted_out: 2, cap: 1 },
            expired: 4,
            waiting: 6,
          }),
        ),
        on(GetPushOutcomes, async ({ app, payload: { announcementId, userId } }) =>
          reply({
            outcomes: peer.outcomes.get(`${announcementId}/${userId}`) ?? [],
            devices: [...peer.devices.keys()].filter((key) => key.startsWith(`${app}/${userId}/`)).length,
          }),
        ),
        ...policies.queries,
      ],
    }),
  ];
  return { peer, rows };
}

const infoOf = ({ credentialId, kind, expiresAt = null }: PayloadOf<typeof PutPushCredential>): PushCredentialInfo => ({
  credentialId,
  kind,
  facts: {
    projectId: "p",
    clientEmail: null,
    teamId: null,
    keyId: null,
    bundleId: null,
    environment: null,
    publicKey: null,
    fingerprint: "sha256:x",
  },
  createdAt: 1_000,
  changedAt: 2_000,
  expiresAt,
  state: "paused",
  since: 3_000,
  reason: "QUOTA_EXCEEDED",
  retryAt: 4_000,
  waitingPushes: 7,
});
