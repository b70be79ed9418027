import { randomUUID } from "node:crypto";
import {
  addIdentityProvider,
  type Backend,
  freePort,
  type Platform,
  startPlatform,
  type TestApp,
} from "@strata/tests-platform";
import type { Browser } from "playwright-core";
import { findChromium, openBrowser } from "./browser.ts";
import { type ClientName, type PageServer, startPageServer } from "./page-server.ts";
import { openUserPage, type UserPage } from "./user-page.ts";

interface OpenOptions {
  readonly isTrustedDevice?: boolean;
  readonly pingMs?: number;
}

/** The whole platform, a browser, and the pages of both clients on a server of their own. */
export interface World extends AsyncDisposable {
  readonly platform: Platform;
  readonly app: TestApp;
  /** A user id that nobody has yet; it begins with this name. */
  newUserId(name: string): string;
  /** Opens a client's page as this user and starts the client. */
  open(client: ClientName, userId: string, options?: OpenOptions): Promise<UserPage>;
  /** The same, and waits until she is logged in and connected. */
  login(client: ClientName, userId: string, options?: OpenOptions): Promise<UserPage>;
  /** Ends all sessions of a user, as a backend does. */
  endSessions(userId: string): Promise<void>;
  /** Sends a message in a user's name, as a backend does; answers its id. */
  say(conversationId: string, userId: string, text: string): Promise<string>;
  /** Asks one user a question with choices, as a backend does with an ice-breaker; answers the message's id. */
  ask(conversationId: string, userId: string, question: { label: string; choices: readonly string[] }): Promise<string>;
  /** What was answered to a message, as a backend counts it. */
  answersTo(conversationId: string, messageId: string): Promise<unknown>;
  /** Changes a user's display name, as a backend does. */
  rename(userId: string, displayName: string): Promise<void>;
  /** Sends an announcement to users, as a backend does. */
  announce(userIds: readonly string[], text: string): Promise<void>;
}

const clientAppId = (appId: string): string => `layer:///apps/production/${appId.split("/").at(-1)}`;

interface Parts {
  readonly platform: Platform;
  readonly app: TestApp;
  readonly browser: Browser;
  readonly pages: PageServer;
}

const worldOf = ({ platform, app, browser, pages }: Parts): Omit<World, keyof AsyncDisposable> => {
  const open: World["open"] = (client, userId, options = {}) =>
    openUserPage(
      { browser, pageUrl: `${pages.url}/${client}.html`, socketUrl: platform.websocketUrl.replace(/^ws/, "http") },
      { url: platform.baseUrl, appId: clientAppId(app.appId), userId, ...options },
    );
  const messagesPath = (conversationId: string): string =>
    `/apps/${app.appId}/conversations/${conversationId.split("/").at(-1)}/messages`;
  const send = async (conversationId: string, userId: string, part: object): Promise<string> => {
    const id = randomUUID();
    const body = { sender_id: `layer:///identities/${userId}`, parts: [part] };
    await app.client.request("POST", messagesPath(conversationId), { ifNoneMatch: id, body });
    return `layer:///messages/${id}`;
  };
  return {
    platform,
    app,
    newUserId: (name) => `${name}-${randomUUID().slice(0, 8)}`,
    open,
    async login(client, userId, options) {
      const page = await open(client, userId, options);
      await page.ready();
      return page;
    },
    async endSessions(userId) {
      await app.client.request("DELETE", `/apps/${app.appId}/users/${userId}/sessions`);
    },
    say: (conversationId, userId, text) => send(conversationId, userId, { mime_type: "text/plain", body: text }),
    ask(conversationId, userId, { label, choices }) {
      const card = {
        label,
        enabled_for: `layer:///identities/${userId}`,
        choices: choices.map((choice) => ({ text: choice, id: choice.toLowerCase() })),
      };
      const part = { mime_type: "application/vnd.layer.choice+json;role=root", body: JSON.stringify(card) };
      return send(conversationId, "announcer", part);
    },
    async answersTo(conversationId, messageId) {
      const path = `${messagesPath(conversationId)}/${messageId.split("/").at(-1)}/responses`;
      return (await app.client.request("GET", path)).body;
    },
    async rename(userId, displayName) {
      await app.client.request("PUT", `/apps/${app.appId}/users/${userId}/identity`, {
        body: { display_name: displayName },
      });
    },
    async announce(userIds, text) {
      const body = {
        sender_id: "layer:///identities/announcer",
        recipients: userIds.map((userId) => `layer:///identities/${userId}`),
        parts: [{ mime_type: "text/plain", body: text }],
      };
      await app.client.request("POST", `/apps/${app.appId}/announcements`, { body });
    },
  };
};

/** Starts everything. What a failed start has begun, it ends again. */
export async function openWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  // First, since it is what may be missing; it is started last, when the services no longer need every core.
  const chromium = findChromium();
  // Known before the gateway listens, since its answers hold it: the clients go where those URLs lead.
  const port = String(await freePort());
  const PUBLIC_URL = `http://127.0.0.1:${port}`;
  const env = {
    gateway: { HTTP_PORT: port, PUBLIC_URL },
    // The same again after a restart, as behind a load balancer.
    realtime: { SOCKET_PORT: String(await freePort()), PUBLIC_URL },
  };
  const platform = stack.use(await startPlatform("clients", { env }));
  const app = await platform.createApp();
  const backend: Backend = await addIdentityProvider(platform.account, app.appId);
  const pages = stack.use(
    await startPageServer((userId, nonce) => backend.token(userId, nonce, { display_name: userId })),
  );
  await app.client.request("POST", `/apps/${app.appId}/users/announcer/identity`, { body: { display_name: "News" } });
  const browser = stack.adopt(await openBrowser(chromium), (started) => started.close());
  const opened = stack.move();
  return { ...worldOf({ platform, app, browser, pages }), [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
