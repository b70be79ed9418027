import { type PayloadOf, partitionOf, type PreviewPushes, type ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { dataOf } from "../domain/subject.ts";
import { buildApnsNotification } from "../providers/apns-payload.ts";
import { buildFcmBody } from "../providers/fcm-payload.ts";
import { type BuiltPayload, isSilent, MAX_PAYLOAD_BYTES, type Push } from "../providers/push-provider.ts";
import type { DeviceStore } from "../store/device-store.ts";

type Payload = PayloadOf<typeof PreviewPushes>;
type Previewed = NonNullable<ReplyOf<typeof PreviewPushes>["payloads"]>["apns"];

/** As long as every announcement's. */
const ANY_ANNOUNCEMENT = "00000000-0000-4000-8000-000000000000";
/** The topic is a header, and no part of what is measured. */
const ANY_TOPIC = "";

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
    const apns = worst(pushes.map((push) => previewed(push, buildApnsNotification(push, ANY_TOPIC))));
    const fcm = worst(pushes.map((push) => previewed(push, buildFcmBody(push))));
    return reply({ reachable, payloads: apns && fcm && { apns, fcm } });
  };

const pushFor = ({ userId, notification }: Payload["notices"][number]): Push & { readonly userId: string } => ({
  userId,
  device: { token: "" },
  notification,
  collapseId: ANY_ANNOUNCEMENT,
  ttlSeconds: 0,
  priority: isSilent(notification) ? "normal" : "high",
  data: { ...dataOf({ kind: "announcement", id: ANY_ANNOUNCEMENT }), user_id: userId },
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
