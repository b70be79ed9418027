import {
  type Device,
  GetPushCounts,
  GetPushOutcomes,
  ListDevices,
  PreviewPushes,
  type PayloadOf,
  type PushOutcomeView,
  PutPushCredential,
  RegisterDevice,
} from "@strata/contracts";
import { ack, consumer, type Consumer, on, reply } from "@strata/messaging";
import { type PushPoliciesPeer, pushPoliciesPeer, pushPolicyContracts } from "./push-policies.ts";

/** What the gateway sees of push-delivery, kept in memory. */
export interface PushPeer {
  readonly devices: Map<string, Device>;
  readonly credentials: Map<string, PayloadOf<typeof PutPushCredential>>;
  /** By announcement and user: `<announcement>/<user>`. */
  readonly outcomes: Map<string, PushOutcomeView[]>;
  /** What previews asked about. */
  readonly notices: PayloadOf<typeof PreviewPushes>["notices"];
  readonly policies: PushPoliciesPeer;
}

export const pushContracts = [
  RegisterDevice,
  PutPushCredential,
  ListDevices,
  GetPushCounts,
  GetPushOutcomes,
  PreviewPushes,
  ...pushPolicyContracts,
] as const;

export function pushPeer(): { peer: PushPeer; rows: readonly Consumer[] } {
  const policies = pushPoliciesPeer();
  const peer: PushPeer = {
    devices: new Map(),
    credentials: new Map(),
    outcomes: new Map(),
    notices: [],
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
      ],
    }),
    consumer({
      queue: "push-delivery.admin",
      handlers: [
        on(PutPushCredential, async ({ app, payload }) => {
          peer.credentials.set(`${app}/${payload.credentialId}`, payload);
          return ack;
        }),
        ...policies.admin,
      ],
    }),
    consumer({ queue: "push-delivery.preferences", handlers: policies.preferences }),
    consumer({
      queue: "push-delivery.queries",
      handlers: [
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
            failedByPlatform: { ios: 1, android: 0, web: 0 },
            skipped: 3,
            skippedByPlatform: { ios: 0, android: 3, web: 0 },
            skippedByPolicy: { opted_out: 2, cap: 1 },
            expired: 4,
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
