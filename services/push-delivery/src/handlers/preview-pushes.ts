import { type PayloadOf, partitionOf, type PreviewPushes, type ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import {
  buildApnsPayload,
  buildFcmBody,
  type BuiltPayload,
  MAX_PAYLOAD_BYTES,
  type Push,
  pushOf,
} from "@strata/push-payload";
import type { DeviceStore } from "../store/device-store.ts";

type Payload = PayloadOf<typeof PreviewPushes>;
type Previewed = NonNullable<ReplyOf<typeof PreviewPushes>["payloads"]>["apns"];

/** As long as every announcement's. */
const ANY_ANNOUNCEMENT = "00000000-0000-4000-8000-000000000000";

/** Who of these users has a device, and what the longest push would come to. Nothing is sent or stored. */
export const previewPushes =
  ({ devices }: { readonly devices: Pick<DeviceStore, "ofUsers"> }): Handler<Payload, ReplyOf<typeof PreviewPushes>> =>
  async ({ app, payload: { userIds, notices } }) => {
    const groups = [...Map.groupBy(new Set(userIds), partitionOf)];
    const found = await Promise.all(groups.map(([partition, members]) => devices.ofUsers(app, partition, members)));
    const reachable = [...Map.groupBy(found.flat(), ({ userId }) => userId)].map(([userId, own]) => ({
      userId,
      platforms: [...new Set(own.map(({ platform }) => platform))].toSorted(),
    }));
    const pushes = notices.map(pushFor);
    const apns = worst(pushes.map((push) => previewed(push, buildApnsPayload(push))));
    const fcm = worst(pushes.map((push) => previewed(push, buildFcmBody(push))));
    return reply({ reachable, payloads: apns && fcm && { apns, fcm } });
  };

const pushFor = ({ userId, notification }: Payload["notices"][number]): Push & { readonly userId: string } => ({
  userId,
  ...pushOf({
    device: { token: "" },
    subject: { kind: "announcement", id: ANY_ANNOUNCEMENT },
    content: notification,
    userId,
    ttlSeconds: 0,
  }),
});

const previewed = ({ userId }: { readonly userId: string }, built: BuiltPayload<unknown>): Previewed => ({
  userId,
  bytes: built.bytes,
  limit: MAX_PAYLOAD_BYTES,
  fits: built.kind === "built",
  reason: built.kind === "built" ? null : built.reason,
});

/** One that would not be taken before all others, else the longest. */
const worst = (all: readonly Previewed[]): Previewed | null =>
  all.toSorted((a, b) => Number(a.fits) - Number(b.fits) || (b.bytes ?? 0) - (a.bytes ?? 0))[0] ?? null;
