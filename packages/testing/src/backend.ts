import { createServer, type IncomingHttpHeaders } from "node:http";
import { text } from "node:stream/consumers";

/** A call as a backend got it. */
export interface BackendCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface BackendAnswer {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An app's backend on this machine, for webhooks: it remembers its calls, and answers as it was last told to. */
export interface TestBackend extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly calls: readonly BackendCall[];
  /** 200 with this as JSON. */
  says(value: unknown): void;
  answers(answer: BackendAnswer | ((call: BackendCall) => BackendAnswer)): void;
  /** Takes calls and says nothing, until it is told something else: then also to those who wait. */
  hangs(): void;
}

const done = (): BackendAnswer => ({ status: 204 });
const nobodyWaits = (): void => undefined;

/** Answers 204 until it is told something else. */
export async function testBackend(): Promise<TestBackend> {
  const calls: BackendCall[] = [];
  let answer: (call: BackendCall) => BackendAnswer = done;
  let free = Promise.resolve();
  let letGo = nobodyWaits;
  const server = createServer((request, response) => {
    void (async () => {
      const call = { path: request.url ?? "", headers: request.headers, body: await text(request) };
      calls.push(call);
      await free;
      const { status = 200, body = "", headers = {} } = answer(call);
      response.writeHead(status, headers).end(body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("unreachable: it listens on a port");
  const { port } = address;
  const tell = (next: typeof answer): void => {
    answer = next;
    letGo();
    free = Promise.resolve();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    calls,
    says: (value) => tell(() => ({ body: JSON.stringify(value) })),
    answers: (next) => tell(typeof next === "function" ? next : () => next),
    hangs() {
      letGo();
      ({ promise: free, resolve: letGo } = Promise.withResolvers<void>());
    },
    async [Symbol.asyncDispose]() {
      letGo();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
