import { EVERYBODY } from "../domain/entries.ts";
import type { Connection } from "./connection.ts";

/** The sockets of this process, by whose they are. */
export interface Registry {
  add(connection: Connection): void;
  remove(connection: Connection): void;
  ofUser(appId: string, userId: string): readonly Connection[];
  /** Which of these users have a socket here; the empty string stands for all of the app. */
  present(appId: string, userIds: readonly string[]): readonly string[];
  /** How many sockets an app has here. */
  sizeOf(appId: string): number;
  all(): readonly Connection[];
  readonly size: number;
}

export function createRegistry(): Registry {
  const apps = new Map<string, Map<string, Set<Connection>>>();
  const sizes = new Map<string, number>();
  const everyone = new Set<Connection>();
  const usersOf = (appId: string): ReadonlyMap<string, ReadonlySet<Connection>> => apps.get(appId) ?? new Map();
  return {
    add(connection) {
      const { appId, userId } = connection.session;
      const users = apps.get(appId) ?? new Map<string, Set<Connection>>();
      const connections = users.get(userId) ?? new Set();
      apps.set(appId, users.set(userId, connections.add(connection)));
      everyone.add(connection);
      sizes.set(appId, (sizes.get(appId) ?? 0) + 1);
    },
    remove(connection) {
      const { appId, userId } = connection.session;
      const users = apps.get(appId);
      const connections = users?.get(userId);
      if (!users || !connections?.delete(connection)) return;
      everyone.delete(connection);
      if (connections.size === 0) users.delete(userId);
      if (users.size === 0) apps.delete(appId);
      const left = (sizes.get(appId) ?? 1) - 1;
      if (left === 0) sizes.delete(appId);
      else sizes.set(appId, left);
    },
    ofUser: (appId, userId) => [...(usersOf(appId).get(userId) ?? [])],
    present(appId, userIds) {
      const users = usersOf(appId);
      return userIds.includes(EVERYBODY) ? [...users.keys()] : userIds.filter((userId) => users.has(userId));
    },
    sizeOf: (appId) => sizes.get(appId) ?? 0,
    all: () => [...everyone],
    get size() {
      return everyone.size;
    },
  };
}
