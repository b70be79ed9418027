import type { Logger } from "@strata/runtime";
import { type Health, isNews, type Seen } from "./domain/credential-health.ts";
import type { LaneState } from "./providers/lane-state.ts";
import type { CredentialStore, CredentialVersion } from "./store/credential-store.ts";

/** Keeps in a credential's row what this process saw of its provider, for all processes and for whoever asks. */
export interface CredentialWatch {
  saw(this: void, seen: Seen): void;
  /** From now on what this lane saw last counts as seen, also where it only confirms what was before. */
  follow(lane: Pick<LaneState, "seen">): void;
  /** What the row says now, as just read. */
  known(health: Health | null): void;
  /** Writes what is to be written still. */
  close(): Promise<void>;
}

interface Deps {
  readonly credentials: Pick<CredentialStore, "note">;
  readonly onRecovered: (app: string, credentialId: string) => Promise<void>;
  readonly log: Logger;
}

/** A lane that opens and closes all the time is written once a second, as it stands then. */
const WRITE_EVERY_MS = 1_000;

export function credentialWatch(
  version: CredentialVersion & { readonly health: Health | null },
  { credentials, onRecovered, log }: Deps,
): CredentialWatch {
  const { app, credentialId } = version;
  let { health } = version;
  let latest: Seen | null = null;
  let lane: Pick<LaneState, "seen"> | null = null;
  let wroteAt = 0;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    const seen = latest;
    latest = null;
    if (seen === null || !isNews(health, seen)) return;
    wroteAt = Date.now();
    const noted = await credentials.note(version, seen);
    if (noted === null) return;
    const { before } = noted;
    health = { ...seen, since: before?.state === seen.state ? before.since : seen.at };
    if (before?.state === seen.state) return;
    const { state, reason } = seen;
    log[state === "ok" ? "info" : "warn"]("push credential changed its state", { from: before?.state, state, reason });
    if (state === "ok" && before?.state === "refused") await onRecovered(app, credentialId);
  };

  const writeSoon = (): void => {
    timer ??= setTimeout(writeNow, Math.max(0, wroteAt + WRITE_EVERY_MS - Date.now())).unref();
  };

  // One after the other: what is seen meanwhile is written behind.
  const writeNow = (): void => {
    timer = null;
    writing = writing
      .then(write)
      .catch((error: unknown) => log.warn("state of a push credential not stored", { error }));
  };

  const saw = (seen: Seen): void => {
    latest = seen;
    writeSoon();
  };

  return {
    saw,
    follow(followed) {
      lane = followed;
    },
    known(now) {
      health = now;
      // Another process may have written what this one knows better by now.
      if (lane?.seen && isNews(now, lane.seen)) saw(lane.seen);
    },
    async close() {
      if (timer !== null) {
        clearTimeout(timer);
        writeNow();
      }
      await writing;
    },
  };
}
