import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The two clients, by the name of their page. */
export type ClientName = "ws3" | "xdk";
const clientNames: readonly ClientName[] = ["ws3", "xdk"];

/** Makes an identity token for a user, as an app's backend does. */
type TokenMaker = (userId: string, nonce: string) => string;

export interface PageServer extends AsyncDisposable {
  /** The origin of the pages: never that of the server under test, so that CORS is real. */
  readonly url: string;
}

/** The published package, unmodified, with the page's few lines before it. */
async function bundle(name: ClientName): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../pages/${name}.ts`, import.meta.url))],
    bundle: true,
    format: "iife",
    platform: "browser",
    // Both packages are CommonJS of the time when bundlers gave it Node's global.
    define: { global: "window" },
    logLevel: "error",
    write: false,
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild made nothing of ${name}`);
  return output.contents;
}

const html = (name: ClientName): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${name}</title><link rel="stylesheet" href="/theme.css"></head>
<body><script src="/${name}.js"></script></body>
</html>
`;

interface StaticFile {
  readonly type: string;
  readonly bytes: string | Uint8Array;
}

async function staticFiles(): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  const theme = createRequire(import.meta.url).resolve("@layerhq/web-xdk/themes/layer-basic-blue.css");
  files.set("/theme.css", { type: "text/css", bytes: await readFile(theme) });
  for (const name of clientNames) {
    files.set(`/${name}.html`, { type: "text/html", bytes: html(name) });
    files.set(`/${name}.js`, { type: "text/javascript", bytes: await bundle(name) });
  }
  return files;
}

/** Serves the clients' pages, and identity tokens at `/token` as a customer's own backend would. */
export async function startPageServer(tokenFor: TokenMaker): Promise<PageServer> {
  const files = await staticFiles();
  const answer: RequestListener = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://pages");
    const parameter = (name: string): string => searchParams.get(name) ?? "";
    if (pathname === "/token") {
      response.setHeader("Content-Type", "text/plain");
      response.end(tokenFor(parameter("user"), parameter("nonce")));
      return;
    }
    const file = files.get(pathname);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("Content-Type", `${file.type}; charset=utf-8`);
    response.end(file.bytes);
  };
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the page server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      // Browsers keep connections open for the next page.
      server.closeAllConnections();
      await closed;
    },
  };
}
