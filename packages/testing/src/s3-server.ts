import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { eventually } from "./eventually.ts";

/** A real server that speaks S3, with a bucket, on loopback and a directory of its own. */
export interface S3Server extends AsyncDisposable {
  readonly client: S3Client;
  readonly bucket: string;
  /** The keys of the first 1,000 objects in the bucket that begin with `prefix`. */
  keys(prefix: string): Promise<readonly string[]>;
  /** What the service is configured with. */
  readonly env: Readonly<Record<string, string>>;
}

const VERSION = "v1.8.0";
const TOOLS = fileURLToPath(new URL(`../../../.strata/tools/versitygw-${VERSION}/`, import.meta.url));
const PROGRAM = join(TOOLS, "versitygw");
const KEY = { accessKeyId: "strata", secretAccessKey: "strata-content-test" };
const BUCKET = "strata-content";
/** For whoever starts it: it is compiled from its source once per checkout. */
export const S3_INSTALL_TIMEOUT_MS = 900_000;

const run = promisify(execFile);
const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

/** Why the server cannot be had here; null where it can. */
export async function missingForS3(): Promise<string | null> {
  if (await exists(PROGRAM)) return null;
  try {
    await run("go", ["version"]);
    return null;
  } catch {
    return "did not run: it needs Go on the PATH (https://go.dev/dl, or apt-get install golang-go) to install versitygw";
  }
}

/** Starts one; installs it first, where this checkout has none. Ask `missingForS3` before. */
export async function startS3(): Promise<S3Server> {
  if (!(await exists(PROGRAM))) {
    const env = { ...process.env, GOBIN: TOOLS, GOTOOLCHAIN: "auto", GOFLAGS: "-mod=mod" };
    await run("go", ["install", `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], { env });
  }
  const folder = await mkdtemp(join(tmpdir(), "strata-s3-"));
  const sidecar = await mkdtemp(join(tmpdir(), "strata-s3-meta-"));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const { accessKeyId, secretAccessKey } = KEY;
  const args = ["--access", accessKeyId, "--secret", secretAccessKey, "--port", `127.0.0.1:${port}`, "--quiet"];
  const server = spawn(PROGRAM, [...args, "posix", "--sidecar", sidecar, folder], { stdio: "ignore" });
  const client = new S3Client({ region: "us-east-1", endpoint, forcePathStyle: true, credentials: KEY });
  const ended = once(server, "exit");
  const stop = async (): Promise<void> => {
    client.destroy();
    server.kill();
    await ended;
    await Promise.all([folder, sidecar].map((path) => rm(path, { recursive: true, force: true })));
  };
  try {
    await eventually(
      () => client.send(new CreateBucketCommand({ Bucket: BUCKET })),
      ({ $metadata }) => $metadata.httpStatusCode === 200,
      { deadlineMs: 10_000 },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    client,
    bucket: BUCKET,
    async keys(prefix) {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }));
      return Contents.flatMap(({ Key }) => Key ?? []);
    },
    env: {
      S3_BUCKET: BUCKET,
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
      S3_FORCE_PATH_STYLE: "true",
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
