import type { AutoReceipts, AutoReceiptsRequest } from "./auto-receipts.ts";
import type { BearerTokens } from "./bearer-tokens.ts";
import type { ApnsKeyFile, ServiceAccountFile } from "./credentials.ts";
import type { DeviceBook, DeviceView } from "./device-book.ts";
import type { FaultRequest } from "./fault-plan.ts";
import type { PushServer } from "./push-server.ts";
import type { WebPushSubscription } from "./web-push-service.ts";

export interface PhoneStats {
  readonly devices: number;
  readonly pushes: DeviceBook["counts"];
  readonly requests: PushServer["counts"] & { readonly open_sessions: number; readonly held: number };
  readonly answers: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly tokens: BearerTokens["counts"];
  readonly receipts: AutoReceipts["counts"] & { readonly waiting: number; readonly last_failures: readonly string[] };
}

/** Everything the control API offers, for tests in the same process. */
export interface PhoneControls {
  stats(): PhoneStats;
  device(token: string): DeviceView;
  latestDevices(limit: number): readonly DeviceView[];
  shownHistogram(): Readonly<Record<string, number>>;
  credentialFiles(): { readonly service_account: ServiceAccountFile; readonly apns_key: ApnsKeyFile };
  registerServiceAccount(account: { clientEmail: string; projectId: string; publicKey: string }): Promise<void>;
  registerApnsKey(key: { teamId: string; keyId: string; publicKey: string }): Promise<void>;
  revokeAccessTokens(): void;
  /** A browser's subscription; with a VAPID public key, one that only its holder may send to. */
  subscribe(applicationServerKey?: string | null): WebPushSubscription;
  unsubscribe(endpoint: string): void;
  /** Pushes to a browser that is offline come when it is online again. */
  setOnline(endpoint: string, isOnline: boolean): void;
  addFault(fault: FaultRequest): number;
  removeFaults(which?: { readonly id?: number; readonly token?: string }): void;
  faults(): readonly unknown[];
  configure(settings: {
    readonly maxConcurrentStreams?: number | undefined;
    readonly acceptUnknownCredentials?: boolean | undefined;
    readonly accessTokenLifetimeS?: number | undefined;
  }): void;
  autoReceipts(settings: AutoReceiptsRequest | null): void;
  /** Answers the oldest of the pushes that a `hold` keeps waiting; all of them without a count. */
  release(count?: number): void;
  dropConnections(): void;
  /** Forgets pushes, counts and faults; keeps credentials, connections and where receipts go. */
  reset(): void;
}
