import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { request as send } from "node:http";
import { Readable } from "node:stream";
import { type SpawnedService } from "@strata/testing";
import { type Platform, startPlatform, type TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";

const MIB = 1024 * 1024;
/** CONTENT_TEST_BYTES=1073741824 for the full gigabyte. */
const SIZE = z.coerce
  .number()
  .int()
  .min(8 * MIB)
  .default(64 * MIB)
  .parse(process.env["CONTENT_TEST_BYTES"]);
/** What a service may grow by, whatever the size: sockets, a few chunks, and what V8 has not yet given back. */
const MAX_GROWTH = 200 * MIB;

const Created = z.object({ id: z.string() });
const Announced = z.object({ id: z.string(), upload_url: z.string(), size: z.number() });
const Message = z.object({
  parts: z.array(z.object({ content: z.object({ download_url: z.string(), refresh_url: z.string() }) })),
});

/** Bytes that can be made again from any offset on, and of which no two megabytes are alike. */
async function* bytesFrom(first: number): AsyncGenerator<Buffer> {
  for (let at = first; at < SIZE;) {
    const block = Math.floor(at / MIB);
    const whole = Buffer.alloc(MIB, createHash("sha512").update(String(block)).digest());
    const piece = whole.subarray(at - block * MIB, Math.min(MIB, SIZE - block * MIB));
    yield piece;
    at += piece.length;
  }
}

async function sha256(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of bytes) hash.update(piece);
  return hash.digest("hex");
}

interface Answer {
  readonly status: number;
  readonly range: string | undefined;
}

/** Uploads from an offset to the end; `onProgress` hears how far it has come. Rejects when the line breaks. */
function put(url: URL, first: number, onProgress: (sent: number) => void = () => undefined): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { "Content-Range": `bytes ${first}-${SIZE - 1}/${SIZE}`, "Content-Length": SIZE - first };
  const request = send(url, { method: "PUT", headers }, (response) => {
    response.resume();
    response.once("end", () => resolve({ status: response.statusCode ?? 0, range: response.headers.range }));
  });
  request.once("error", reject);
  let sent = first;
  const source = async function* source() {
    for await (const piece of bytesFrom(first)) {
      yield piece;
      sent += piece.length;
      onProgress(sent);
    }
  };
  Readable.from(source()).pipe(request);
  return promise;
}

const rssOf = ({ pid }: SpawnedService): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

/** How much memory services come to have while something runs, beyond what they had before. */
function watchMemory(services: readonly SpawnedService[]): Disposable & { stop(): readonly number[] } {
  const before = services.map(rssOf);
  const peaks = [...before];
  const sampling = setInterval(() => {
    for (const [index, service] of services.entries()) peaks[index] = Math.max(peaks[index] ?? 0, rssOf(service));
  }, 50);
  return {
    [Symbol.dispose]: () => clearInterval(sampling),
    stop() {
      clearInterval(sampling);
      return peaks.map((peak, index) => peak - (before[index] ?? 0));
    },
  };
}

describe(`content of ${SIZE / MIB} MB through everything`, function journey() {
  this.timeout(900_000);
  let platform: Platform;
  let app: TestApp;
  before(async () => {
    platform = await startPlatform("content");
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["ann", "bob"]);
  });
  after(() => platform[Symbol.asyncDispose]());

  const announce = async () => {
    const body = { participants: ["layer:///identities/ann", "layer:///identities/bob"] };
    const { body: created } = await app.client.request("POST", `/apps/${app.appId}/conversations`, { body });
    const conversation = `/apps/${app.appId}/conversations/${Created.parse(created).id.split("/").at(-1)}`;
    const response = await fetch(`${platform.baseUrl}${conversation}/content`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${app.token}`,
        "Upload-Content-Type": "video/mp4",
        "Upload-Content-Length": String(SIZE),
      },
    });
    expect(response.status).to.equal(201);
    return { conversation, content: Announced.parse(await response.json()) };
  };

  it("goes on where it stood after the gateway was killed in the middle, comes back as it went in, and costs no memory", async () => {
    const { conversation, content } = await announce();
    const { pathname } = new URL(content.upload_url);
    const uploadTo = (baseUrl: string) => new URL(pathname, baseUrl);
    using first = watchMemory([platform.service("gateway"), platform.service("conversation")]);
    const growths: number[] = [];
    let killed: Promise<unknown> | undefined;
    const broken = await put(uploadTo(platform.baseUrl), 0, (sent) => {
      if (sent >= SIZE / 2)
        killed ??= Promise.resolve(first.stop()).then((growth) => {
          growths.push(...growth);
          return platform.service("gateway").kill("SIGKILL");
        });
    }).catch((error: unknown) => error);
    expect(broken).to.be.instanceOf(Error);
    await killed;

    const gateway = await platform.start("gateway");
    const { port } = await gateway.logged("listening");
    const baseUrl = `http://127.0.0.1:${String(port)}`;
    const status = await fetch(uploadTo(baseUrl), { method: "PUT", headers: { "Content-Range": `bytes */${SIZE}` } });
    expect(status.status).to.equal(308);
    const stored = Number(/^bytes=0-(\d+)$/.exec(status.headers.get("range") ?? "")?.[1]) + 1;
    expect(stored).to.be.within(SIZE / 4, SIZE - 1);

    using second = watchMemory([gateway, platform.service("conversation")]);
    expect(await put(uploadTo(baseUrl), stored)).to.deep.equal({ status: 200, range: undefined });
    const parts = [{ mime_type: "video/mp4", content: { id: content.id, size: content.size } }];
    const sending = await fetch(new URL(`${conversation}/messages`, baseUrl), {
      method: "POST",
      headers: { Authorization: `Bearer ${app.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ sender_id: "layer:///identities/ann", parts }),
    });
    const sent = await sending.text();
    expect(sending.status, sent).to.equal(201);
    const [part] = Message.parse(JSON.parse(sent)).parts;
    const download = await fetch(new URL(new URL(part?.content.download_url ?? "").pathname, baseUrl));
    expect(download.headers.get("content-type")).to.equal("video/mp4");
    expect(await sha256(Readable.fromWeb(download.body ?? new ReadableStream()))).to.equal(await sha256(bytesFrom(0)));
    growths.push(...second.stop());
    process.stdout.write(
      `      grew by at most ${growths.map((bytes) => `${Math.round(bytes / MIB)} MB`).join(", ")} ` +
        `(gateway, conversation; before and after the kill at ${Math.round(stored / MIB)} MB)\n`,
    );
    for (const growth of growths) expect(growth).to.be.below(MAX_GROWTH);
  });
});
