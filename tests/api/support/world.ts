import { randomUUID } from "node:crypto";
import { type Platform, startPlatform, type TestApp } from "@strata/tests-platform";
import { apiClient, type ApiClient, expectStatus, uuidOf, type Version } from "./api-client.ts";

/** One app of the running platform, and the shortest way to what most tests begin with. */
export interface World extends TestApp {
  readonly platform: Platform;
  readonly api: ApiClient;
  /** What object URLs in answers begin with: the public base and the app. */
  readonly base: string;
  /** A user id that nobody has yet. */
  newUserId(): string;
  /** Creates identities for so many users, named after their ids; answers the ids. */
  users(count: number): Promise<readonly string[]>;
  /** Creates a conversation; answers its UUID. */
  conversation(participants: readonly string[], extra?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Sends text; answers the message's UUID. */
  message(conversation: string, sender: string, text?: string): Promise<string>;
}

/** What URLs in answers begin with (the platform's PUBLIC_URL). */
export const PUBLIC_URL = "http://localhost";

const newUserId = (): string => `u-${randomUUID().slice(0, 8)}`;

export async function openWorld(platform: Platform): Promise<World> {
  const app = await platform.createApp();
  const api = apiClient(platform.baseUrl, app.appId, app.token);
  return {
    platform,
    ...app,
    api,
    base: `${PUBLIC_URL}/apps/${app.appId}`,
    newUserId,
    async users(count) {
      const userIds = Array.from({ length: count }, newUserId);
      for (const userId of userIds) {
        expectStatus(await api("POST", `/users/${userId}/identity`, { body: { display_name: `Name ${userId}` } }), 201);
      }
      return userIds;
    },
    async conversation(participants, extra = {}) {
      const body = { participants: participants.map(identityId), ...extra };
      return uuidOf(expectStatus(await api("POST", "/conversations", { body }), 201).json);
    },
    async message(conversation, sender, text = "hello") {
      const body = { sender_id: identityId(sender), parts: [textPart(text)] };
      return uuidOf(expectStatus(await api("POST", `/conversations/${conversation}/messages`, { body }), 201).json);
    },
  };
}

export const identityId = (userId: string): string => `layer:///identities/${encodeURIComponent(userId)}`;
/** How a version names a user in bodies. */
export const userRef = (version: Version, userId: string): string =>
  version.startsWith("1.") ? userId : identityId(userId);
export const textPart = (body: string) => ({ mime_type: "text/plain", body });

/** Who a message is from, as a version says it. */
export const senderOf = (version: Version, userId: string) =>
  version.startsWith("1.") ? { sender: { user_id: userId } } : { sender_id: identityId(userId) };

/** A user inside other objects, as 2.0 and later show her. */
export const basic = (base: string, userId: string) => ({
  id: identityId(userId),
  url: `${base}/users/${encodeURIComponent(userId)}/identity`,
  user_id: userId,
  display_name: `Name ${userId}`,
  avatar_url: null,
});

export { type Platform, startPlatform };
