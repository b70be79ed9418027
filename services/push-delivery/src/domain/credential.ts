import type { DeviceFields, PushCredential } from "@strata/contracts";

/** What decides which devices a credential serves. */
export interface CredentialScope {
  readonly kind: PushCredential["kind"];
  /** Of an APNs key; null for FCM, and where the credential cannot be read. */
  readonly apns: { readonly bundleId: string; readonly environment: "production" | "development" } | null;
  /** Of a VAPID key pair that can be read. */
  readonly publicKey?: string;
}

type Addressed = Pick<DeviceFields, "kind" | "environment" | "appBundle">;

/**
 * The credential that serves a device, of those of its app, newest first; null when there is none. An APNs token is
 * never tried in the other environment or bundle: Apple would call it bad, and a good token would be forgotten.
 */
export function credentialFor<T extends CredentialScope>(credentials: readonly T[], device: Addressed): T | null {
  if (device.kind === "webpush") return vapidFor(credentials, device);
  if (device.kind !== "apns") return credentials.find(({ kind }) => kind === "fcm") ?? null;
  const keys = credentials.filter(({ kind }) => kind === "apns");
  const readable = keys.filter(({ apns }) => apns?.environment === device.environment);
  const bundles = new Set(readable.map(({ apns }) => apns?.bundleId));
  const bundleId = device.appBundle ?? (bundles.size === 1 ? [...bundles][0] : undefined);
  const match = readable.find(({ apns }) => apns?.bundleId === bundleId);
  // What cannot be read may well be the right one: its pushes wait for it instead of failing.
  return match ?? keys.find(({ apns }) => apns === null) ?? null;
}

/**
 * A subscription is bound to the public key that its page subscribed with: a device names it as its app id where an app
 * has several, for several sites or while one replaces another.
 */
function vapidFor<T extends CredentialScope>(credentials: readonly T[], { appBundle }: Addressed): T | null {
  const pairs = credentials.filter(({ kind }) => kind === "webpush");
  const named = appBundle === null ? undefined : pairs.find(({ publicKey }) => publicKey === appBundle);
  return named ?? pairs.find(({ publicKey }) => publicKey !== undefined) ?? pairs[0] ?? null;
}
