import {
  AcceptNotification,
  type Device,
  GetNotification,
  GetPushCounts,
  GetPushOutcomes,
  ListDevices,
  PreviewPushes,
  type PayloadOf,
  PushNotification,
  type PushOutcomeView,
  PutPushCredential,
  RegisterDevice,
} from "@strata/contracts";
import { ack, consumer, type Consumer, on, reply } from "@strata/messaging";

/** What the gateway sees of push-delivery, kept in memory. */
export interface PushPeer {
  readonly devices: Map<string, Device>;
  readonly credentials: Map<string, PayloadOf<typeof PutPushCredential>>;
  /** By announcement and user: `<announcement>/<user>`. */
  readonly outcomes: Map<string, PushOutcomeView[]>;
  /** What previews asked about. */
  readonly notices: PayloadOf<typeof PreviewPushes>["notices"];
  /** By `<app>/<notification>`: what was accepted, by which command, and the groups that came. */
  readonly notifications: Map<string, AcceptedNotification>;
}

interface AcceptedNotification extends PayloadOf<typeof AcceptNotification> {
  readonly by: string;
  readonly pushed: PayloadOf<typeof PushNotification>[];
}

export const pushContracts = [
  RegisterDevice,
  PutPushCredential,
  ListDevices,
  GetPushCounts,
  GetPushOutcomes,
  PreviewPushes,
  AcceptNotification,
  PushNotification,
  GetNotification,
] as const;

export function pushPeer(): { peer: PushPeer; rows: readonly Consumer[] } {
  const peer: PushPeer = {
    devices: new Map(),
    credentials: new Map(),
    outcomes: new Map(),
    notices: [],
    notifications: new Map(),
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
      ],
    }),
    consumer({
      queue: "push-delivery.admin",
      handlers: [
        on(PutPushCredential, async ({ app, payload }) => {
          peer.credentials.set(`${app}/${payload.credentialId}`, payload);
          return ack;
        }),
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
      queue: "push-delivery.queries",
      handlers: [
        on(GetNotification, async ({ app, payload: { notificationId } }) => {
          const row = peer.notifications.get(`${app}/${notificationId}`);
          const counts = {
            pushed: 1,
            failed: 1,
            pushedByPlatform: { ios: 1, android: 0, web: 0 },
            failedByReason: { Unregistered: 1 },
          };
          if (!row) return reply({ notification: null });
          const isPlanned = row.pushed.length >= row.groups;
          const { recipientCount } = row;
          return reply({ notification: { at: 0, expiresAt: 60_000, recipientCount, isPlanned, ...counts } });
        }),
        on(ListDevices, async ({ app, payload }) =>
          reply({
            devices: [...peer.devices]
              .filter(([key]) => key.startsWith(`${app}/${payload.userId}/`))
              .map(([, device]) => device),
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
          }),
        ),
        on(GetPushOutcomes, async ({ app, payload: { announcementId, userId } }) =>
          reply({
            outcomes: peer.outcomes.get(`${announcementId}/${userId}`) ?? [],
            devices: [...peer.devices.keys()].filter((key) => key.startsWith(`${app}/${userId}/`)).length,
          }),
        ),
      ],
    }),
  ];
  return { peer, rows };
}
