import { eventually, type TcpProxy, tcpProxy } from "@strata/testing";
import type { Browser, BrowserContext, Page, WebSocket } from "playwright-core";
import type { StartOptions } from "../pages/layer-client.ts";
import type { Walk } from "../pages/walk.ts";

/** What went over one socket, in both directions, oldest first. */
export interface SocketLog {
  readonly url: string;
  readonly sent: readonly unknown[];
  readonly received: readonly unknown[];
}

/** One user before one browser, with storage and connections that nobody else has. */
export interface UserPage extends AsyncDisposable {
  readonly userId: string;
  readonly page: Page;
  /** What her socket goes through; her REST calls do not. */
  readonly wire: TcpProxy;
  /** Every socket that the page has opened. */
  readonly sockets: readonly SocketLog[];
  /** Every REST call that the page has made, as `GET /path?query`. */
  readonly calls: readonly string[];
  /** What nobody caught in the page. */
  readonly errors: readonly string[];
  /** Calls the page's walk. */
  do<Name extends keyof Walk>(name: Name, ...args: Parameters<Walk[Name]>): Promise<Awaited<ReturnType<Walk[Name]>>>;
  /** Waits until the client has it. */
  has(what: "message" | "conversation", id: string): Promise<void>;
  /** Waits until a message of hers is on the server. */
  saved(messageId: string): Promise<void>;
  /** Waits until the client says that it is ready and its socket is open. */
  ready(): Promise<void>;
  /** Loads the page again, with what it has stored, and starts the client again. */
  reload(): Promise<void>;
}

export interface PagePlace {
  readonly browser: Browser;
  readonly pageUrl: string;
  /** The socket service itself, as an http URL. */
  readonly socketUrl: string;
}

const packetOf = (payload: string | Buffer): unknown => JSON.parse(payload.toString());

function record(page: Page, restUrl: string) {
  const sockets: SocketLog[] = [];
  const calls: string[] = [];
  const errors: string[] = [];
  page.on("websocket", (socket: WebSocket) => {
    const [sent, received]: [unknown[], unknown[]] = [[], []];
    sockets.push({ url: socket.url(), sent, received });
    socket.on("framesent", ({ payload }) => void sent.push(packetOf(payload)));
    socket.on("framereceived", ({ payload }) => void received.push(packetOf(payload)));
  });
  page.on("request", (request) => {
    const url = request.url();
    if (url.startsWith(restUrl)) calls.push(`${request.method()} ${url.slice(restUrl.length)}`);
  });
  page.on("pageerror", (error) => void errors.push(error.message));
  return { sockets, calls, errors };
}

async function load(page: Page, pageUrl: string, options: StartOptions): Promise<void> {
  await page.goto(pageUrl);
  await page.evaluate((given) => globalThis.walk.start(given), options);
}

/** Opens the page in a new context and starts the client; it is not logged in yet when this returns. */
export async function openUserPage(place: PagePlace, options: Omit<StartOptions, "websocketUrl">): Promise<UserPage> {
  const wire = await tcpProxy(place.socketUrl);
  const start = { ...options, websocketUrl: wire.url.replace(/^http/, "ws").replace(/\/$/, "") };
  const context: BrowserContext = await place.browser.newContext({ locale: "en-US" });
  const page = await context.newPage();
  const records = record(page, options.url);
  await load(page, place.pageUrl, start);

  return {
    userId: options.userId,
    page,
    wire,
    ...records,
    // What the page answers is of the type that its own source says.
    do: <Name extends keyof Walk>(name: Name, ...args: Parameters<Walk[Name]>) =>
      page.evaluate<Awaited<ReturnType<Walk[Name]>>, readonly [Name, Parameters<Walk[Name]>]>(
        ([method, given]) => Reflect.apply(globalThis.walk[method], null, given),
        [name, args],
      ),
    async has(what, id) {
      await eventually(
        () => page.evaluate(([name, sought]) => globalThis.walk[name](sought) !== null, [what, id] as const),
        true,
      );
    },
    async saved(messageId) {
      await eventually(() => page.evaluate((id) => globalThis.walk.message(id)?.syncState, messageId), "SYNCED");
    },
    async ready() {
      await eventually(() => page.evaluate(() => globalThis.walk.isReady() && globalThis.walk.isSocketOpen()), true, {
        deadlineMs: 20_000,
      });
    },
    reload: () => load(page, place.pageUrl, start),
    async [Symbol.asyncDispose]() {
      await context.close();
      await wire.close();
    },
  };
}
