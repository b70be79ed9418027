import { PushCredential } from "@strata/contracts";
import { type Closable, type Logger, unseal } from "@strata/runtime";
import { credentialFor, type CredentialScope } from "./domain/credential.ts";
import type { Target } from "./domain/chunk.ts";
import { openApnsProvider } from "./providers/apns-provider.ts";
import { openFcmProvider } from "./providers/fcm-provider.ts";
import type { Pace } from "./providers/pace.ts";
import type { PushProvider } from "./providers/push-provider.ts";
import type { CredentialStore, StoredCredential } from "./store/credential-store.ts";

/** A credential with its one long-lived client. */
export interface OpenCredential extends CredentialScope {
  readonly credentialId: string;
  readonly provider: PushProvider;
}

/** Which of an app's credentials serves a device; null when none does. */
export type CredentialChoice = (device: Target) => OpenCredential | null;

export interface PushProviders extends Closable {
  /** An app's credentials as they were at most two seconds ago. */
  of(app: string): Promise<CredentialChoice>;
  /** Reads an app's credentials again before it is pushed for. */
  forget(app: string): void;
}

interface ProviderAddresses {
  readonly fcmUrl: string | null;
  readonly fcmTokenUrl: string | null;
  readonly apnsUrl: string | null;
  /** PEM of the CA to trust instead of the system's. */
  readonly ca: string | null;
}

interface Deps {
  readonly credentials: CredentialStore;
  readonly key: Buffer;
  readonly addresses: ProviderAddresses;
  /** How fast a credential may be pushed through; null: as fast as its provider takes it. */
  readonly paceOf?: (kind: string, app: string, credentialId: string) => Pace | null;
  readonly log: Logger;
}

interface Opened extends OpenCredential {
  /** What it was opened from: another text is another credential. */
  readonly sealed: string;
}

interface AppEntry {
  open: readonly Opened[];
  readAt: number;
  /** How often it was forgotten: what was being read meanwhile may be from before. */
  forgotten: number;
  usedAt: number;
  reading: Promise<void> | null;
}

/** How long a changed credential may go on being used, in each process; and how often an app's rows are read at most. */
const CREDENTIALS_FRESH_MS = 2_000;
/** By then every process has read a row that was put, and none tries the old credential again. */
export const CREDENTIALS_KNOWN_MS = CREDENTIALS_FRESH_MS * 2;
/** Connections of an app that does not push any more are let go. */
const IDLE_MS = 15 * 60_000;
const APNS_PORT = 443;

/** One client per credential and process, opened when first needed and replaced while in use when its row changes. */
export function openPushProviders(deps: Deps): PushProviders {
  const { credentials, log } = deps;
  const apps = new Map<string, AppEntry>();
  const closing = new Set<Promise<void>>();
  let idleLookAt = Date.now() + IDLE_MS;

  const close = (open: AppEntry["open"]): void => {
    for (const { provider, credentialId } of open) {
      // It finishes what it is sending; nobody waits for that but our own closing.
      const done = provider
        .close()
        .catch((error: unknown) => log.warn("push client did not close", { credentialId, error }))
        .finally(() => closing.delete(done));
      closing.add(done);
    }
  };

  const read = async (app: string, entry: AppEntry): Promise<void> => {
    const { forgotten } = entry;
    const startedAt = Date.now();
    const rows = await credentials.ofApp(app);
    const kept = new Map(entry.open.map((one) => [`${one.credentialId}/${one.sealed}`, one]));
    const open = rows.map((row) => {
      const key = `${row.credentialId}/${row.sealed}`;
      const known = kept.get(key);
      kept.delete(key);
      return known ?? openCredential(row, deps);
    });
    close([...kept.values()]);
    Object.assign(entry, { open, readAt: forgotten === entry.forgotten ? startedAt : 0 });
  };

  const closeIdle = (now: number): void => {
    if (now < idleLookAt) return;
    idleLookAt = now + IDLE_MS;
    for (const [app, entry] of apps) {
      if (entry.usedAt > now - IDLE_MS || entry.reading) continue;
      apps.delete(app);
      close(entry.open);
    }
  };

  return {
    async of(app) {
      const now = Date.now();
      const entry = apps.get(app) ?? { open: [], readAt: 0, forgotten: 0, usedAt: now, reading: null };
      apps.set(app, entry);
      entry.usedAt = now;
      closeIdle(now);
      while (now - entry.readAt > CREDENTIALS_FRESH_MS) {
        entry.reading ??= read(app, entry).finally(() => (entry.reading = null));
        await entry.reading;
      }
      return (device) => credentialFor(entry.open, device);
    },
    forget(app) {
      const entry = apps.get(app);
      if (entry) Object.assign(entry, { readAt: 0, forgotten: entry.forgotten + 1 });
    },
    async close() {
      for (const entry of apps.values()) close(entry.open);
      apps.clear();
      await Promise.all(closing);
    },
  };
}

function openCredential(row: StoredCredential, deps: Deps): Opened {
  const { credentialId, kind, sealed } = row;
  const log = deps.log.child({ app: row.app, credentialId });
  try {
    const credential = PushCredential.parse(JSON.parse(unseal(deps.key, sealed)));
    const pace = deps.paceOf?.(kind, row.app, credentialId) ?? null;
    return {
      credentialId,
      sealed,
      ...scopeOf(credential),
      provider: openProvider(credential, deps.addresses, log, pace),
    };
  } catch (error) {
    log.error("push credential cannot be read; its pushes wait", { error });
    return { credentialId, sealed, kind, apns: null, provider: refusing(kind) };
  }
}

const scopeOf = (credential: PushCredential): CredentialScope =>
  credential.kind === "fcm"
    ? { kind: "fcm", apns: null }
    : { kind: "apns", apns: { bundleId: credential.bundleId, environment: credential.environment } };

function openProvider(
  credential: PushCredential,
  addresses: ProviderAddresses,
  log: Logger,
  pace: Pace | null,
): PushProvider {
  const { fcmUrl, fcmTokenUrl, apnsUrl, ca } = addresses;
  if (credential.kind === "fcm") {
    return openFcmProvider({
      serviceAccount: credential.serviceAccount,
      url: fcmUrl,
      tokenUrl: fcmTokenUrl,
      ca,
      log,
      pace,
    });
  }
  const url = apnsUrl === null ? null : new URL(apnsUrl);
  const endpoint = url && { address: url.hostname, port: url.port === "" ? APNS_PORT : Number(url.port) };
  return openApnsProvider({ credential, endpoint, ca, log, pace });
}

const refusing = (kind: "fcm" | "apns"): PushProvider => ({
  kind,
  send: async (pushes) => pushes.map(() => ({ kind: "credential-refused", reason: "credential_unreadable" })),
  close: async () => undefined,
});
