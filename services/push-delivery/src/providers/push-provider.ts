import type { Push } from "@strata/push-payload";
import type { AskOptions, ProviderAnswer } from "./provider-answer.ts";

export type { Push };

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
