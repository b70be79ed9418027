import { randomBytes, randomUUID } from "node:crypto";
import { signContentTicket } from "@strata/contracts";
import { recordingPublisher } from "@strata/messaging/testing";
import { createClosing, silentLogger } from "@strata/runtime";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { openStores } from "../../test/support.ts";
import { contentKey } from "../domain/content.ts";
import { ABANDONED_MS } from "../store/content-store.ts";
import { BUCKET, gridFsStorage } from "./gridfs-storage.ts";
import { startContents } from "./start-contents.ts";
import { sweepContents } from "./sweep-contents.ts";
import { uploadsInto } from "./uploads.ts";

const SIZE = 3 * 1024 * 1024 + 77;
const key = randomBytes(32);
const closing = createClosing(silentLogger);
/** MongoDB and the broker are there throughout. */
const mongo = { name: "mongodb", isDown: () => false, answers: async () => true };

const incomplete = (stored: number) => ({ status: 308, range: `bytes=0-${stored - 1}`, refusal: null });
const statusOf = async (method: string, url: string) => (await fetch(url, { method })).status;

describe("bytes of content", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let baseUrl: string;
  const { events, publisher } = recordingPublisher();
  const bytes = randomBytes(SIZE);

  before(async () => {
    stores = await openStores("content-listener");
    const storage = gridFsStorage(stores.db);
    await storage.ensureIndexes();
    const config = {
      LISTEN_HOST: "127.0.0.1",
      CONTENT_PORT: 0,
      CONTENT_KEY: key,
      CONTENT_SWEEP_INTERVAL_MS: 3_600_000,
      CONTENT_MAX_HELD_BYTES: 64 * 1024 * 1024,
    };
    const deps = { ...stores, config, log: silentLogger, closing, storage, publisher, mongo };
    baseUrl = `http://127.0.0.1:${await startContents(deps)}`;
  });
  after(async () => {
    await closing.closeAll();
    await stores[Symbol.asyncDispose]();
  });

  const announced = async (size = SIZE) => {
    const [app, contentId] = [anAppId(), randomUUID()];
    await stores.contents.insertOrFind(
      {
        _id: contentKey(app, contentId),
        app,
        contentId,
        conversation: null,
        owner: null,
        mimeType: "image/png",
        size,
        origin: null,
        createdAt: Date.now(),
        by: randomUUID(),
        session: null,
        isUploaded: false,
        uploadedAt: null,
      },
      Date.now(),
    );
    const urlTo = (allows: "upload" | "download", expiresAt = Date.now() + 60_000) =>
      `${baseUrl}/content/${signContentTicket(key, { app, contentId, allows, expiresAt, origin: null })}`;
    return { app, contentId, urlTo };
  };
  type Announced = Awaited<ReturnType<typeof announced>>;

  const put = async ({ urlTo }: Announced, body: Buffer, contentRange?: string) => {
    const headers = contentRange === undefined ? {} : { "Content-Range": contentRange };
    const response = await fetch(urlTo("upload"), { method: "PUT", body, headers, redirect: "manual" });
    const text = await response.text();
    return {
      status: response.status,
      range: response.headers.get("range"),
      refusal: text === "" ? null : JSON.parse(text),
    };
  };
  const complete = { status: 200, range: null, refusal: null };
  const eventsOf = ({ app }: Announced) => events.filter((event) => event.app === app);

  it("are asked for at the address that is given, and at no other of this machine", async () => {
    const elsewhere = await fetch(baseUrl.replace("127.0.0.1", "127.0.0.2")).catch((error: unknown) => error);
    expect(elsewhere).to.be.instanceOf(TypeError);
  });

  it("come in whole, are told about once, and go out as they came, with their type", async () => {
    const content = await announced();
    expect(await put(content, bytes)).to.deep.equal(complete);
    expect(eventsOf(content).map(({ payload }) => payload)).to.have.nested.property("[0].size", SIZE);
    const response = await fetch(content.urlTo("download"));
    expect(response.headers.get("content-type")).to.equal("image/png");
    expect(response.headers.get("content-length")).to.equal(String(SIZE));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).to.equal(true);
    const head = await fetch(content.urlTo("download"), { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).to.deep.equal([200, String(SIZE)]);
  });

  it("come in by pieces: told where they stand, behind a gap not taken, repeated ones passed over", async () => {
    const content = await announced();
    const piece = (first: number, end: number) =>
      put(content, bytes.subarray(first, end), `bytes ${first}-${end - 1}/${SIZE}`);
    expect(await put(content, Buffer.alloc(0), `bytes */${SIZE}`)).to.deep.equal({ ...incomplete(1), range: null });
    expect(await piece(0, 262_144)).to.deep.equal(incomplete(262_144));
    expect(await piece(500_000, 600_000)).to.deep.equal(incomplete(262_144));
    expect(await piece(100_000, 2_000_000)).to.deep.equal(incomplete(2_000_000));
    expect(await piece(0, 1_000)).to.deep.equal(incomplete(2_000_000));
    expect(await put(content, Buffer.alloc(0), "bytes */*")).to.deep.equal(incomplete(2_000_000));
    expect(await fetch(content.urlTo("download"))).to.have.property("status", 404);
    expect(await piece(2_000_000, SIZE)).to.deep.equal(complete);
    expect(await put(content, Buffer.alloc(0), `bytes */${SIZE}`)).to.deep.equal(complete);
    const response = await fetch(content.urlTo("download"));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).to.equal(true);
  });

  it("are refused in the words of the header that does not fit, and what is there stays", async () => {
    const content = await announced();
    const refusals = [
      await put(content, bytes.subarray(1)),
      await put(content, bytes.subarray(0, 10), `bytes 0-9/${SIZE + 1}`),
      await put(content, bytes.subarray(0, 10), "bytes ten"),
    ];
    expect(refusals.map(({ status }) => status)).to.deep.equal([422, 422, 400]);
    expect(refusals.map(({ refusal }) => `${refusal.code} ${refusal.data.header}`)).to.deep.equal([
      "invalid_property Content-Length",
      "invalid_property Content-Range",
      "invalid_request Content-Range",
    ]);
  });

  it("of no length are content too", async () => {
    const content = await announced(0);
    expect(await put(content, Buffer.alloc(0))).to.deep.equal(complete);
    const response = await fetch(content.urlTo("download"));
    expect([response.status, (await response.arrayBuffer()).byteLength]).to.deep.equal([200, 0]);
  });

  it("go out in ranges, and what is behind the end is 416", async () => {
    const content = await announced();
    await put(content, bytes);
    const get = (headers: Record<string, string>) => fetch(content.urlTo("download"), { headers });
    const range = await get({ Range: `bytes=1048570-1048590` });
    expect([range.status, range.headers.get("content-range")]).to.deep.equal([206, `bytes 1048570-1048590/${SIZE}`]);
    expect(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(1_048_570, 1_048_591))).to.equal(true);
    const behind = await get({ Range: `bytes=${SIZE}-` });
    expect([behind.status, behind.headers.get("content-range")]).to.deep.equal([416, `bytes */${SIZE}`]);
    const etag = range.headers.get("etag") ?? "";
    expect(await get({ Range: "bytes=0-9", "If-Range": etag })).to.have.property("status", 206);
    expect(await get({ Range: "bytes=0-9", "If-Range": '"other"' })).to.have.property("status", 200);
  });

  it("are kept from who has no ticket, an expired one, or one for something else", async () => {
    const content = await announced();
    expect(await statusOf("PUT", content.urlTo("download"))).to.equal(403);
    expect(await statusOf("GET", content.urlTo("upload"))).to.equal(403);
    expect(await statusOf("GET", content.urlTo("download", Date.now()))).to.equal(403);
    expect(await statusOf("GET", `${baseUrl}/content/x.y`)).to.equal(403);
    expect(await statusOf("GET", `${baseUrl}/`)).to.equal(403);
  });

  it("are told about by the sweep when a process died before it could, and removed when nobody ended them", async () => {
    const storage = gridFsStorage(stores.db);
    const { publisher: failing } = recordingPublisher({ failing: true });
    const dying = uploadsInto({ contents: stores.contents, storage, publisher: failing });
    const [untold, abandoned] = [await announced(), await announced()];
    const body = (async function* body() {
      yield bytes;
    })();
    const request = { contentRange: undefined, contentLength: SIZE, body };
    const failure = await dying.take(untold.app, untold.contentId, request).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    await put(abandoned, bytes.subarray(0, 10), `bytes 0-9/${SIZE}`);

    const deps = { contents: stores.contents, uploads: uploadsInto({ contents: stores.contents, storage, publisher }) };
    await sweepContents(deps, Date.now() + 120_000);
    expect(eventsOf(untold)).to.have.lengthOf(1);
    expect(await stores.contents.find(abandoned.app, abandoned.contentId)).to.not.equal(null);
    await sweepContents(deps, Date.now() + ABANDONED_MS + 60_000);
    expect(await stores.contents.find(abandoned.app, abandoned.contentId)).to.equal(null);
    const left = await stores.db.collection(`${BUCKET}.chunks`).countDocuments({
      files_id: contentKey(abandoned.app, abandoned.contentId),
    });
    expect(left).to.equal(0);
    expect((await put(abandoned, bytes)).status).to.equal(404);
    expect(eventsOf(untold)).to.have.lengthOf(1);
    expect(await fetch(untold.urlTo("download"))).to.have.property("status", 200);
  });
});
