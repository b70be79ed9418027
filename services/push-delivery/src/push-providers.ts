import type { PushCredential } from "@strata/contracts";
import type { Closable, Logger } from "@strata/runtime";
import { credentialWatch, type CredentialWatch } from "./credential-watch.ts";
import { credentialFor, type CredentialScope } from "./domain/credential.ts";
import type { Target } from "./domain/chunk.ts";
import { openApnsProvider } from "./providers/apns-provider.ts";
import { openFcmProvider } from "./providers/fcm-provider.ts";
import { LaneState } from "./providers/lane-state.ts";
import type { Pace } from "./providers/pace.ts";
import type { PushProvider } from "./providers/push-provider.ts";
import { unasked } from "./providers/provider-answer.ts";
import { type CredentialKeys, openSealed } from "./sealed-credential.ts";
import { openWebPushProvider } from "./providers/webpush-provider.ts";
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
  /** One of an app's credentials, as fresh; null when there is none. */
  byId(app: string, credentialId: string): Promise<OpenCredential | null>;
  /** Reads an app's credentials again before it is pushed for. */
  forget(app: string): void;
}

export interface ProviderAddresses {
  readonly fcmUrl: string | null;
  readonly fcmTokenUrl: string | null;
  readonly apnsUrl: string | null;
  /** The push services of browsers. */
  readonly webPushHosts: readonly string[];
  /** PEM of the CA to trust instead of the system's. */
  readonly ca: string | null;
}

interface Deps {
  readonly credentials: Pick<CredentialStore, "ofApp" | "note">;
  readonly keys: CredentialKeys;
  readonly addresses: ProviderAddresses;
  /** How fast a credential may be pushed through; null: as fast as its provider takes it. */
  readonly paceOf?: (kind: string, app: string, credentialId: string) => Pace | null;
  readonly log: Logger;
  /** How long a refused credential is left alone before it is tried with one push. */
  readonly refusedForMs?: number;
  /** Told when a credential that was refused is taken again, though nobody put another. */
  readonly onRecovered: (app: string, credentialId: string) => Promise<void>;
}

interface Opened extends OpenCredential {
  /** Which command put it: the same one sealed anew is the same credential. */
  readonly version: string;
  /** The text that could not be opened; null where it could. */
  readonly unreadable: string | null;
  readonly watch: CredentialWatch;
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
/**
 * Connections of an app that does not push any more are let go. Not sooner: a client that is opened again signs a new token, and
 * APNs takes no more than one in twenty minutes.
 */
const IDLE_MS = 20 * 60_000;
const APNS_PORT = 443;
const UNREADABLE = "credential_unreadable";

/** One client per credential and process, opened when first needed and replaced while in use when its row changes. */
export function openPushProviders(deps: Deps): PushProviders {
  const { credentials, log } = deps;
  const apps = new Map<string, AppEntry>();
  const closing = new Set<Promise<void>>();
  let idleLookAt = Date.now() + IDLE_MS;

  const close = (open: AppEntry["open"]): void => {
    for (const { provider, credentialId, watch } of open) {
      // It finishes what it is sending; nobody waits for that but our own closing.
      const done = provider
        .close()
        .then(() => watch.close())
        .catch((error: unknown) => log.warn("push client did not close", { credentialId, error }))
        .finally(() => closing.delete(done));
      closing.add(done);
    }
  };

  const read = async (app: string, entry: AppEntry): Promise<void> => {
    const { forgotten } = entry;
    const startedAt = Date.now();
    const rows = await credentials.ofApp(app);
    const kept = new Map(entry.open.map((one) => [one.version, one]));
    const open = rows.map((row) => {
      const version = versionOf(row);
      const one = kept.get(version);
      // What could not be opened is looked at again once another process has sealed it anew.
      const known = one && (one.unreadable === null || one.unreadable === row.sealed) ? one : null;
      if (known) kept.delete(version);
      known?.watch.known(row.health);
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

  const fresh = async (app: string): Promise<AppEntry> => {
    const now = Date.now();
    const entry = apps.get(app) ?? { open: [], readAt: 0, forgotten: 0, usedAt: now, reading: null };
    apps.set(app, entry);
    entry.usedAt = now;
    closeIdle(now);
    while (now - entry.readAt > CREDENTIALS_FRESH_MS) {
      entry.reading ??= read(app, entry).finally(() => (entry.reading = null));
      await entry.reading;
    }
    return entry;
  };

  return {
    async of(app) {
      const entry = await fresh(app);
      return (device) => credentialFor(entry.open, device);
    },
    async byId(app, credentialId) {
      const { open } = await fresh(app);
      return open.find((one) => one.credentialId === credentialId) ?? null;
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

const versionOf = ({ credentialId, putAt, by }: StoredCredential): string => `${credentialId}/${putAt}/${by}`;

function openCredential(row: StoredCredential, deps: Deps): Opened {
  const { credentialId, kind } = row;
  const log = deps.log.child({ app: row.app, credentialId });
  const watch = credentialWatch(row, { ...deps, log });
  const opened = { credentialId, version: versionOf(row), watch };
  try {
    const credential = openSealed(deps.keys, row.sealed);
    const newLane = () => {
      const lane = new LaneState({ refusedForMs: deps.refusedForMs, onChange: watch.saw });
      watch.follow(lane);
      return lane;
    };
    const unreadable = null;
    const pace = deps.paceOf?.(kind, row.app, credentialId) ?? null;
    return {
      ...opened,
      unreadable,
      ...scopeOf(credential),
      provider: openProvider(credential, deps.addresses, log, { newLane, pace }),
    };
  } catch (error) {
    log.error("push credential cannot be read; its pushes wait", { error });
    watch.saw({ state: "unreadable", reason: UNREADABLE, retryAt: null, at: Date.now() });
    return { ...opened, unreadable: row.sealed, kind, apns: null, provider: refusing(kind) };
  }
}

function scopeOf(credential: PushCredential): CredentialScope {
  if (credential.kind === "fcm") return { kind: "fcm", apns: null };
  if (credential.kind === "webpush") return { kind: "webpush", apns: null, publicKey: credential.publicKey };
  return { kind: "apns", apns: { bundleId: credential.bundleId, environment: credential.environment } };
}

/** What a client shares with others: with whoever looks at its lanes, and with the same credential's in other replicas. */
interface Shared {
  readonly newLane?: () => LaneState;
  readonly pace?: Pace | null;
}

/** The client of one credential; what its lanes know is lost with it. A browser's push services have a lane each. */
export function openProvider(
  credential: PushCredential,
  { fcmUrl, fcmTokenUrl, apnsUrl, webPushHosts: hosts, ca }: ProviderAddresses,
  log: Logger,
  { newLane = () => new LaneState(), pace = null }: Shared = {},
): PushProvider {
  if (credential.kind === "webpush") return openWebPushProvider({ credential, hosts, ca, log, newLane });
  if (credential.kind === "fcm") {
    const { serviceAccount } = credential;
    return openFcmProvider({ serviceAccount, url: fcmUrl, tokenUrl: fcmTokenUrl, ca, log, lane: newLane(), pace });
  }
  const url = apnsUrl === null ? null : new URL(apnsUrl);
  const endpoint = url && { address: url.hostname, port: url.port === "" ? APNS_PORT : Number(url.port) };
  return openApnsProvider({ credential, endpoint, ca, log, lane: newLane(), pace });
}

const refusing = (kind: PushCredential["kind"]): PushProvider => ({
  kind,
  send: async (pushes) => pushes.map(() => ({ kind: "credential-refused", reason: UNREADABLE })),
  ask: async () => unasked("refused", UNREADABLE),
  close: async () => undefined,
});
