import { randomUUID } from "node:crypto";
import { createSessionToken, readSessionToken } from "@strata/contracts";
import { userIds } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import type { Swarm } from "./swarm.ts";

/** An app with users who are logged in. */
export interface World {
  readonly platform: Platform;
  readonly app: TestApp;
  readonly users: readonly string[];
  /** Where each of them opens her socket, in their order. */
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** The process that is measured. */
  readonly realtimePid: number;
  readonly swarm: Swarm;
}

const SESSIONS_PER_INSERT = 10_000;
const DAY_MS = 86_400_000;

export async function makeWorld(platform: Platform, swarm: Swarm, count: number): Promise<World> {
  const app = await platform.createApp();
  const users = userIds(count);
  await platform.insertUsers(app.appId, ["sender", ...users]);
  const tokens = await insertSessions(platform, app.appId, users);
  return {
    platform,
    app,
    users,
    urls: tokens.map((token) => `${platform.websocketUrl}/?session_token=${token}`),
    headers: { authorization: `Bearer ${app.token}`, "content-type": "application/json" },
    realtimePid: platform.service("realtime").pid,
    swarm,
  };
}

/** Straight into the directory's collection, as it stores them: logging in is not what is measured. Answers the tokens. */
async function insertSessions(platform: Platform, app: string, users: readonly string[]): Promise<readonly string[]> {
  const sessions = platform.db("directory").collection<{ _id: string }>("sessions");
  const beganAt = Date.now();
  const tokens: string[] = [];
  for (let first = 0; first < users.length; first += SESSIONS_PER_INSERT) {
    const rows = users.slice(first, first + SESSIONS_PER_INSERT).map((userId) => {
      const token = createSessionToken(app);
      tokens.push(token);
      const hash = readSessionToken(token)?.hash ?? "";
      const expiresAt = new Date(beganAt + DAY_MS);
      return { _id: `${app}/${hash}`, app, userId, hash, beganAt, expiresAt, by: randomUUID() };
    });
    await sessions.insertMany(rows, { ordered: false });
  }
  return tokens;
}

/** Announces to the first `count` users; answers the announcement's id, which each packet of it holds. */
export async function announce(world: World, count: number, announcementId: string): Promise<void> {
  const response = await fetch(`${world.platform.baseUrl}/apps/${world.app.appId}/announcements`, {
    method: "POST",
    headers: { ...world.headers, "if-none-match": announcementId },
    body: JSON.stringify({
      recipients: world.users.slice(0, count).map((userId) => `layer:///identities/${userId}`),
      sender_id: "layer:///identities/sender",
      parts: [{ mime_type: "text/plain", body: "Your order is on its way and arrives tomorrow between 9 and 11" }],
    }),
  });
  const text = await response.text();
  if (response.status !== 202) throw new Error(`${response.status}: ${text}`);
}
