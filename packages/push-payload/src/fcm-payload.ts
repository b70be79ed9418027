import type { NotificationContent } from "@strata/contracts";
import { alertOf, apsOf, pushTypeOf } from "./apns-payload.ts";
import { type BuiltPayload, collapseIdOf, isSilent, MAX_PAYLOAD_BYTES, present, type Push, tooLarge } from "./push.ts";

const RESERVED_DATA_KEY = /^(?:from|message_type|google\..*|gcm\..*)$/;
const LONGEST_TTL_SECONDS = 28 * 86_400;

/**
 * FCM's form of a push: the JSON body of `messages:send`. It is the very message that firebase-admin makes of the same push (a test
 * compares the two); the SDK's own check is not exported, and its `send` opens a connection per call.
 */
export function buildFcmBody(push: Push): BuiltPayload<string> {
  const { device, notification: content, priority } = push;
  const collapseId = collapseIdOf(push);
  const data = { ...dataStrings(push), collapse_id: collapseId };
  const reserved = Object.keys(data).find((key) => RESERVED_DATA_KEY.test(key));
  if (reserved !== undefined) return { kind: "unsendable", reason: `reserved_data_key: ${reserved}`, bytes: null };
  const silent = isSilent(content);
  const visible = silent
    ? {}
    : {
        notification: present({ title: content.title, body: content.text }),
        android: androidOnly(content, collapseId),
      };
  // FCM does not say what exactly it counts; this is what reaches a phone, with the keys.
  const bytes = Buffer.byteLength(JSON.stringify({ data, ...visible }));
  if (bytes > MAX_PAYLOAD_BYTES) return tooLarge(bytes);
  const message = {
    ...(device.kind === "fcm_fid" ? { fid: device.token } : { token: device.token }),
    data,
    ...(silent ? {} : { notification: visible.notification }),
    android: {
      // Without a collapse_key: FCM keeps four of them per device and drops what has a fifth. The tag replaces on the phone.
      priority,
      ttl: `${Math.min(push.ttlSeconds, LONGEST_TTL_SECONDS)}s`,
      ...(silent ? {} : { notification: visible.android }),
    },
    apns: {
      headers: {
        "apns-collapse-id": collapseId,
        "apns-priority": silent || priority === "normal" ? "5" : "10",
        "apns-push-type": pushTypeOf(push),
      },
      payload: { aps: apsBesideNotification(push) },
    },
  };
  return { kind: "built", payload: JSON.stringify({ message }), bytes };
}

/** FCM carries strings only. Ours come last, so that a backend's data can not pretend to be another announcement's. */
function dataStrings({ notification, data }: Push): Readonly<Record<string, string>> {
  const strings: Record<string, string> = {};
  for (const [key, value] of Object.entries(notification.data ?? {})) {
    strings[key] = typeof value === "string" ? value : JSON.stringify(value);
  }
  return { ...strings, ...data };
}

const androidOnly = (content: NotificationContent, tag: string): Readonly<Record<string, unknown>> => ({
  ...content.fcm,
  ...present({
    sound: content.sound,
    title_loc_key: content.titleLocKey,
    title_loc_args: content.titleLocArgs,
    body_loc_key: content.locKey,
    body_loc_args: content.locArgs,
  }),
  tag,
});

/** What a phone of Apple's that is registered with FCM needs beside title and text, which FCM puts there itself. */
function apsBesideNotification(push: Push): Readonly<Record<string, unknown>> {
  const { alert: _whole, ...aps } = apsOf(push);
  if (isSilent(push.notification)) return aps;
  const { title: _title, body: _body, ...alert } = alertOf(push.notification);
  return Object.keys(alert).length === 0 ? aps : { alert, ...aps };
}
