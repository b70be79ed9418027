import { setTimeout as wait } from "node:timers/promises";
import { invalidOperation, invalidProperty, type LayerError, parseTime } from "@strata/layer-protocol";
import type { LimitFunction } from "p-limit";
import type { Connection } from "../sockets/connection.ts";
import type { ChangeStore, LogPlace } from "../store/change-store.ts";
import { type CallDeps, callIn } from "../views/call.ts";
import type { SentPacket } from "../views/packets.ts";
import { type RenderDeps, renderChanges } from "../views/render-changes.ts";

export interface ReplayDeps extends RenderDeps {
  readonly changes: ChangeStore;
  readonly calls: CallDeps;
  readonly replayHours: number;
  readonly maxBufferedBytes: number;
  /** So many read the log at once; who has not taken yet what she was sent is none of them. */
  readonly replays: LimitFunction;
}

const HOUR_MS = 3_600_000;
/** Clocks of replicas may differ, and what is being logged is not to be found yet: repeats are harmless, gaps are not. */
const OVERLAP_MS = 60_000;
const PAGE = 100;
/** Where changes never cease, it is looked no more often than this for those that came meanwhile. */
const LOOKS_BEHIND_END = 30;
/** How soon it is looked whether a client has taken what it was sent, and how late when that takes long: many may be slow. */
const DRAIN_POLL_MS = { first: 20, longest: 320 };

/**
 * Tells a client what it missed since a time, oldest first, as ordinary packets (client API 6.9). Its socket hears what is
 * live already, so nothing falls between the two. What is told meanwhile may be told before what was known earlier: so it
 * goes on until nothing has come to the log since it last looked, and ends with what is so by then. A user to whom so much
 * happens that something always has is answered all the same: what is live goes on to tell her what is so.
 * @throws LayerError 422 `invalid_property`; 422 `invalid_operation` where the log does not reach back so far
 */
export async function replay(connection: Connection, data: unknown, deps: ReplayDeps): Promise<void> {
  const since = sinceIn(data);
  if (since < Date.now() - deps.replayHours * HOUR_MS) throw beyondLog(deps.replayHours);
  const from = since - OVERLAP_MS;
  let looks = 0;
  for (let after: LogPlace | null = null; connection.isOpen && looks < LOOKS_BEHIND_END;) {
    const { place, rest, isEnd } = await deps.replays(() => tellPage(connection, { from, after }, deps));
    if (place === null) return;
    if (isEnd) looks += 1;
    for (const packet of rest) {
      await untilTaken(connection, deps.maxBufferedBytes);
      connection.send(packet);
    }
    await untilTaken(connection, deps.maxBufferedBytes);
    after = place;
  }
}

interface Told {
  /** Of the last change that was told; null: there was none. */
  readonly place: LogPlace | null;
  /** Packets of it that are still to be sent: a client that is slow keeps those of one change, and no page. */
  readonly rest: readonly SentPacket[];
  /** There was no more in the log. */
  readonly isEnd: boolean;
}

/** Tells as much of the next page as the client takes at once: it never waits for the client. */
async function tellPage(
  connection: Connection,
  { from, after }: { readonly from: number; readonly after: LogPlace | null },
  deps: ReplayDeps,
): Promise<Told> {
  const { appId, userId } = connection.session;
  const page = await deps.changes.page({ app: appId, userId, from, after, limit: PAGE });
  const told = page.map(({ change }) => ({ change, userIds: [userId] }));
  const call = callIn(deps.calls, { appId, version: connection.version });
  const { packets, failed } = await renderChanges(call, told, deps);
  // A gap in what she is told would never be closed.
  for (const error of failed.values()) throw error;
  let place: LogPlace | null = null;
  for (const [index, ofOne] of packets.entries()) {
    place = page[index]?.place ?? place;
    const hers = ofOne.get(userId) ?? [];
    for (const [sent, packet] of hers.entries()) {
      if (!isTaken(connection, deps.maxBufferedBytes)) return { place, rest: hers.slice(sent), isEnd: false };
      connection.send(packet);
    }
  }
  return { place, rest: [], isEnd: page.length < PAGE };
}

/** A client that catches up takes as much as it can: what it has not taken yet holds up what follows. */
async function untilTaken(connection: Connection, maxBufferedBytes: number): Promise<void> {
  for (let pollMs = DRAIN_POLL_MS.first; connection.isOpen && !isTaken(connection, maxBufferedBytes);) {
    await wait(pollMs);
    pollMs = Math.min(2 * pollMs, DRAIN_POLL_MS.longest);
  }
}

const isTaken = (connection: Connection, maxBufferedBytes: number): boolean =>
  connection.bufferedBytes <= maxBufferedBytes / 4;

function sinceIn(data: unknown): number {
  const given = typeof data === "object" && data !== null && "from_timestamp" in data ? data.from_timestamp : null;
  const at = typeof given === "string" ? parseTime(given) : null;
  if (at === null) throw invalidProperty("data.from_timestamp", "must be a time");
  return at;
}

const beyondLog = (hours: number): LayerError =>
  invalidOperation(`Changes are kept for ${hours} hours: what is older must be read by REST`);
