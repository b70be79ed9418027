import { setTimeout as wait } from "node:timers/promises";
import { invalidOperation, invalidProperty, type LayerError, parseTime } from "@strata/layer-protocol";
import type { Connection } from "../sockets/connection.ts";
import type { ChangeStore, LogPlace } from "../store/change-store.ts";
import { type CallDeps, callIn } from "../views/call.ts";
import { type RenderDeps, renderChanges } from "../views/render-changes.ts";

export interface ReplayDeps extends RenderDeps {
  readonly changes: ChangeStore;
  readonly calls: CallDeps;
  readonly replayHours: number;
  readonly maxBufferedBytes: number;
}

const HOUR_MS = 3_600_000;
/** Clocks of replicas may differ, and what is being logged is not to be found yet: repeats are harmless, gaps are not. */
const OVERLAP_MS = 60_000;
const PAGE = 100;
const DRAIN_POLL_MS = 20;

/**
 * Tells a client what it missed since a time, oldest first, as ordinary packets (client API 6.9). Its socket hears what is
 * live already, so nothing falls between the two.
 * @throws LayerError 422 `invalid_property`; 422 `invalid_operation` where the log does not reach back so far
 */
export async function replay(connection: Connection, data: unknown, deps: ReplayDeps): Promise<void> {
  const since = sinceIn(data);
  if (since < Date.now() - deps.replayHours * HOUR_MS) throw beyondLog(deps.replayHours);
  const { appId, userId } = connection.session;
  const from = since - OVERLAP_MS;
  for (let after: LogPlace | null = null; connection.isOpen;) {
    const page = await deps.changes.page({ app: appId, userId, from, after, limit: PAGE });
    const told = page.map(({ change }) => ({ change, userIds: [userId] }));
    const call = callIn(deps.calls, { appId, version: connection.version });
    const { packets, failed } = await renderChanges(call, told, deps);
    // A gap in what she is told would never be closed.
    for (const error of failed.values()) throw error;
    for (const ofOne of packets) {
      for (const packet of ofOne.get(userId) ?? []) {
        await untilTaken(connection, deps.maxBufferedBytes);
        connection.send(packet);
      }
    }
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    after = last.place;
  }
}

/** A client that catches up takes as much as it can: what it has not taken yet holds up what follows. */
async function untilTaken(connection: Connection, maxBufferedBytes: number): Promise<void> {
  while (connection.isOpen && connection.bufferedBytes > maxBufferedBytes / 4) await wait(DRAIN_POLL_MS);
}

function sinceIn(data: unknown): number {
  const given = typeof data === "object" && data !== null && "from_timestamp" in data ? data.from_timestamp : null;
  const at = typeof given === "string" ? parseTime(given) : null;
  if (at === null) throw invalidProperty("data.from_timestamp", "must be a time");
  return at;
}

const beyondLog = (hours: number): LayerError =>
  invalidOperation(`Changes are kept for ${hours} hours: what is older must be read by REST`);
