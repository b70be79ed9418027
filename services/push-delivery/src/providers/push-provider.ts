import { createHash } from "node:crypto";
import type { DeviceFields, NotificationContent } from "@strata/contracts";
import type { AskOptions, ProviderAnswer } from "./provider-answer.ts";

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
}

/** What became of one push. */
export type PushResult =
  | { readonly kind: "accepted"; readonly providerId: string | null }
  /**
   * The token is of no use any more. Forget it, unless it was registered again after `deadSince` (null: the provider gave no
   * time; forget it if it is still the one that was sent to).
   */
  | { readonly kind: "token-dead"; readonly reason: string; readonly deadSince: Date | null }
  /** This push can never be accepted, whatever the device. The token is fine. */
  | { readonly kind: "rejected"; readonly reason: string }
  /**
   * Not now. `scope: "lane"`: nothing of this credential (to this
   * push service, where it has several) will get through before `retryAfterMs`; `"push"`: only this one. With
   * `mayHaveArrived` the phone may already show it, which the collapse id takes care of when it is sent again.
   */
  | {
      readonly kind: "unavailable";
      readonly reason: string;
      readonly retryAfterMs: number;
      readonly scope: "lane" | "push";
      readonly mayHaveArrived: boolean;
    }
  /** The credential or its configuration is wrong: park its lane and alarm. Tokens and pushes are fine. */
  | { readonly kind: "credential-refused"; readonly reason: string };

/** FCM or APNs behind one long-lived client per credential. */
export interface PushProvider {
  readonly kind: "fcm" | "apns" | "webpush";
  /**
   * At most 1,000 pushes; exactly one result for each, in order. It never throws for anything that a provider or the network
   * does, and never hangs: every push has a deadline. A lane that is paused (429, Retry-After) or refused answers without
   * asking the provider. Several sends may run at once; they share the sessions and their stream limits.
   */
  send(pushes: readonly Push[]): Promise<readonly PushResult[]>;
  /**
   * Sends one push once, whatever the state of the lane, and says what the provider answered. Nothing follows from it. Never
   * throws, and never hangs.
   */
  ask(push: Push, options: AskOptions): Promise<ProviderAnswer>;
  /** Waits for what is in flight (no longer than its deadlines), then closes the sessions. */
  close(): Promise<void>;
}

export interface ProviderLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** More in one send overran node-apn's session memory: of 10,000 tokens at once 83 % were lost. */
export const MAX_PUSHES_PER_SEND = 1_000;

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
export const present = (values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
