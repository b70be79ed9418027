import { FindFollowed, ListFollowers, ListFollowing } from "@strata/contracts";
import type { Calls } from "@strata/doors";
import {
  invalidProperty,
  parseIdentityUri,
  parseTime,
  presencePacket,
  PRESENCE_STATUSES,
  type PresenceStatus,
} from "@strata/layer-protocol";
import type { Logger } from "@strata/runtime";
import type { Signals } from "../signals.ts";
import type { Connection } from "../sockets/connection.ts";
import type { Presence as Known, PresenceStore, PresentSocket, RefreshedSocket } from "../store/presence-store.ts";
import { blockedAmong, blockersAmong } from "./blocks.ts";

interface Deps {
  readonly store: PresenceStore;
  readonly signals: Signals;
  readonly baseUrl: string;
  readonly log: Logger;
}

/** What users are seen to be, and who is told of it. None of it is ever a reason to fail: without Redis all are offline. */
export interface Presence {
  opened(connection: Connection): Promise<void>;
  closed(connection: Connection, calls: Calls): Promise<void>;
  refresh(connections: readonly Connection[]): Promise<void>;
  /** `Presence.update` (client API 6.8). @throws LayerError 422 `invalid_property` */
  update(connection: Connection, calls: Calls, data: unknown): Promise<void>;
  /** `Presence.sync`: what those she follows, and she herself, are seen to be; who blocks her is offline to her. @throws LayerError 422 `invalid_property` */
  sync(connection: Connection, calls: Calls, data: unknown): Promise<readonly object[]>;
}

const PAGE = 500;
const MAX_SYNCED = 1_000;
/** Whoever has more followers is not followed for her presence. */
const MAX_TOLD = 10_000;
const OFFLINE: Known = { status: "offline", lastSeenAt: null };

export function presenceOver({ store, signals, baseUrl, log }: Deps): Presence {
  const quietly = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      log.debug("presence is not known", { error });
      return otherwise;
    }
  };
  const presenceOf = async (app: string, userId: string): Promise<Known> => {
    const [known = OFFLINE] = await store.of(app, [userId]);
    return known;
  };
  /** Does something about a user, and tells her followers where it is seen, but for those whom she blocks. */
  const telling = async ({ session: { appId, userId } }: Connection, calls: Calls, work: () => Promise<void>) =>
    quietly(async () => {
      const before = await presenceOf(appId, userId);
      await work();
      const after = await presenceOf(appId, userId);
      const toldOf = { app: appId, isPresence: true };
      if (after.status !== before.status) {
        await signals.send({ ...toldOf, userIds: [userId], packet: presencePacket(baseUrl, userId, after) });
      }
      if (seenByOthers(after).status === seenByOthers(before).status) return;
      const packet = presencePacket(baseUrl, userId, seenByOthers(after));
      for (let after_: string | null = null, told = 0; told < MAX_TOLD;) {
        const { followers }: { followers: string[] } = await calls.ask(ListFollowers, {
          userId,
          after: after_,
          limit: PAGE,
        });
        const blocked = await blockedAmong(calls, userId, followers);
        await signals.send({ ...toldOf, userIds: followers.filter((one) => !blocked.has(one)), packet });
        told += followers.length;
        after_ = followers.at(-1) ?? null;
        if (followers.length < PAGE) return;
      }
    }, undefined);

  return {
    opened: (connection) => quietly(() => store.refresh([refreshed(connection)]), undefined),
    closed: (connection, calls) => telling(connection, calls, () => store.remove(socketOf(connection))),
    refresh: (connections) => quietly(() => store.refresh(connections.map(refreshed)), undefined),
    async update(connection, calls, data) {
      const status = statusIn(data);
      // What she said counts also where it cannot be written down now: it is, once Redis is back.
      connection.shownAs = status ?? connection.shownAs ?? "available";
      await telling(connection, calls, async () => {
        connection.shownAs = await store.announce(socketOf(connection), status);
      });
    },
    async sync({ session: { appId, userId } }, calls, data) {
      const asked = idsIn(data);
      const userIds = asked ? await seenAmong(calls, userId, asked) : await allFollowed(calls, userId);
      const since = asked ? null : sinceIn(data);
      const others = userIds.filter((one) => one !== userId);
      const [shown, blockers] = await Promise.all([
        quietly(() => store.of(appId, userIds), []),
        blockersAmong(calls, userId, others),
      ]);
      const seen = (one: string, presence: Known): Known => {
        if (one === userId) return presence;
        return blockers.has(one) ? OFFLINE : seenByOthers(presence);
      };
      return userIds.flatMap((one, index) => {
        const presence = seen(one, shown[index] ?? OFFLINE);
        const isNews = since === null || presence.status !== "offline" || (presence.lastSeenAt ?? 0) >= since;
        return isNews ? [bodyOf(presencePacket(baseUrl, one, presence))] : [];
      });
    },
  };
}

const socketOf = ({ id, session: { appId, userId } }: Connection): PresentSocket => ({
  app: appId,
  userId,
  socketId: id,
});

const refreshed = (connection: Connection): RefreshedSocket => ({
  ...socketOf(connection),
  shownAs: connection.shownAs,
});

const seenByOthers = (presence: Known): Known =>
  presence.status === "invisible" ? { ...presence, status: "offline" } : presence;

const bodyOf = ({ body }: { readonly body: unknown }): object =>
  typeof body === "object" && body !== null ? body : {};

/** Only of whom she follows, and of herself: others' comings and goings are none of her business. */
async function seenAmong(calls: Calls, userId: string, asked: readonly string[]): Promise<readonly string[]> {
  const others = asked.filter((one) => one !== userId);
  const { followed } =
    others.length === 0 ? { followed: [] } : await calls.ask(FindFollowed, { userId, userIds: others });
  const seen = new Set([...followed, userId]);
  return asked.filter((one) => seen.has(one));
}

async function allFollowed(calls: Calls, userId: string): Promise<readonly string[]> {
  const all: string[] = [userId];
  for (let after: string | null = null; all.length < MAX_SYNCED;) {
    const question: { userId: string; after: string | null; limit: number; withIdentities: boolean } = {
      userId,
      after,
      limit: PAGE,
      withIdentities: false,
    };
    const { following } = await calls.ask(ListFollowing, question);
    all.push(...following.map((one) => one.userId));
    after = following.at(-1)?.userId ?? null;
    if (following.length < PAGE) break;
  }
  return all;
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};

/** The status that is set; null for `auto`, and where nothing is said of one. `invisible` is sent as `offline`. */
function statusIn(data: unknown): PresenceStatus | null {
  const operations: readonly unknown[] = Array.isArray(data) ? data : [];
  const set = operations.map(record).findLast(({ property }) => property === "status");
  const value = set?.["value"];
  if (set === undefined || value === "auto") return null;
  if (value === "offline") return "invisible";
  const status = PRESENCE_STATUSES.find((one) => one === value);
  if (status === undefined)
    throw invalidProperty("data.status", `must be one of auto, ${PRESENCE_STATUSES.join(", ")}`);
  return status;
}

/** Whom a sync names; null where it names nobody and asks for all since a time. */
function idsIn(data: unknown): readonly string[] | null {
  const { ids } = record(data);
  if (ids === undefined) return null;
  if (!Array.isArray(ids) || ids.length > MAX_SYNCED)
    throw invalidProperty("data.ids", `must be a list of up to ${MAX_SYNCED} ids`);
  return [...new Set(ids.flatMap((id) => (typeof id === "string" ? (parseIdentityUri(id) ?? []) : [])))];
}

function sinceIn(data: unknown): number | null {
  const { since } = record(data);
  if (since === undefined || since === null) return null;
  const at = typeof since === "string" ? parseTime(since) : null;
  if (at === null) throw invalidProperty("data.since", "must be a time");
  return at;
}
