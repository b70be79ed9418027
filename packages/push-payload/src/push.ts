import { createHash } from "node:crypto";
import type { DeviceFields, NotificationContent } from "@strata/contracts";

/** One push to one device. A `Device` of the contracts fits as it is. */
export interface Push {
  readonly device: Pick<DeviceFields, "token"> & Partial<Pick<DeviceFields, "kind" | "appBundle" | "webPushKeys">>;
  readonly notification: NotificationContent;
  /** Two pushes with the same collapse id are one notification on the phone, so a repeat after a kill is not seen. */
  readonly collapseId: string;
  /** How long the provider may keep trying a phone that is off. 0 = now or never. */
  readonly ttlSeconds: number;
  readonly priority: "high" | "normal";
  /** Ours, beside the backend's `notification.data`: what the app needs to tell whose push this is, and of what. */
  readonly data: Readonly<Record<string, string>>;
  /** The number on the app's icon, for phones of Apple's; absent: it stays as it is. */
  readonly badge?: number;
}

/** What both providers allow for a payload. */
export const MAX_PAYLOAD_BYTES = 4_096;

/** A notification with nothing to see or hear: it wakes the app, which fetches what is new. */
export const isSilent = (notification: NotificationContent): boolean =>
  [notification.title, notification.titleLocKey, notification.text, notification.locKey, notification.sound].every(
    (part) => part === undefined,
  );

/** A payload ready to be sent, or why no provider would take it. */
export type BuiltPayload<T> = { readonly kind: "built"; readonly payload: T; readonly bytes: number } | Unsendable;

interface Unsendable {
  readonly kind: "unsendable";
  readonly reason: string;
  /** Null where its length is not what is wrong. */
  readonly bytes: number | null;
}

export const tooLarge = (bytes: number): Unsendable => ({
  kind: "unsendable",
  reason: `payload_too_large: ${bytes} bytes, ${MAX_PAYLOAD_BYTES} allowed`,
  bytes,
});

const MAX_COLLAPSE_ID_BYTES = 64;

/** APNs refuses a longer collapse id; its hash replaces just as well. */
export const collapseIdOf = ({ collapseId }: Push): string =>
  Buffer.byteLength(collapseId) <= MAX_COLLAPSE_ID_BYTES
    ? collapseId
    : createHash("sha256").update(collapseId).digest("base64url");

/** The entries that have a value: an absent key and an undefined one are the same to JSON, not to the type checker. */
export function present(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  // In a loop: it is called several times for each push.
  const found: Record<string, unknown> = {};
  for (const key of Object.keys(values)) if (values[key] !== undefined) found[key] = values[key];
  return found;
}
