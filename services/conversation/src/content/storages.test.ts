import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { ListMultipartUploadsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { openMongo, silentLogger } from "@strata/runtime";
import { missingForS3, openInfra, S3_INSTALL_TIMEOUT_MS, startS3 } from "@strata/testing";
import { expect } from "chai";
import { type Db, GridFSBucket } from "mongodb";
import type { ContentStorage, StorableContent } from "./content-storage.ts";
import { BUCKET, gridFsStorage } from "./gridfs-storage.ts";
import { s3Storage } from "./s3-storage.ts";

const MIB = 1024 * 1024;

interface Opened extends AsyncDisposable {
  readonly storage: ContentStorage;
  /** What is there at all, to see that nothing is left. */
  leftovers(): Promise<number>;
}

const aContent = (size: number): StorableContent => ({
  key: `${randomUUID()}/${randomUUID()}`,
  size,
  mimeType: "image/png",
});

async function* inPieces(bytes: Buffer, pieceBytes = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** What a connection that breaks looks like to who reads it. */
async function* breakingAfter(bytes: Buffer): AsyncGenerator<Buffer> {
  yield* inPieces(bytes);
  throw new Error("the line broke");
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

async function readAll(bytes: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function download(storage: ContentStorage, content: StorableContent, range?: [number, number]): Promise<Buffer> {
  const wanted = range ? { first: range[0], last: range[1] } : null;
  const opened = await storage.open(content, wanted, 60);
  if (opened.kind === "stream") return readAll(opened.bytes);
  const headers = range ? { Range: `bytes=${range[0]}-${range[1]}` } : {};
  const response = await fetch(opened.url, { headers });
  expect(response.status).to.equal(range ? 206 : 200);
  expect(response.headers.get("content-type")).to.equal(content.mimeType);
  return Buffer.from(await response.arrayBuffer());
}

/** What every storage must do alike; sizes are around the edges of GridFS chunks (1 MiB) and S3 parts (5 MiB). */
function contract(open: () => Promise<Opened>): void {
  let opened: Opened;
  let storage: ContentStorage;
  before(async () => {
    opened = await open();
    ({ storage } = opened);
  });
  after(() => opened[Symbol.asyncDispose]());

  const upload = async (content: StorableContent, bytes: Buffer): Promise<string> => {
    const session = await storage.begin(content);
    expect(await storage.append(content, session, 0, inPieces(bytes))).to.equal(bytes.length);
    await storage.finish(content, session);
    return session;
  };

  for (const size of [0, 1, MIB, 5 * MIB, 5 * MIB + 1, 12 * MIB - 7]) {
    it(`gives back ${size} bytes as they came, whole and in ranges`, async () => {
      const bytes = randomBytes(size);
      const content = aContent(size);
      await upload(content, bytes);
      expect(sha256(await download(storage, content))).to.equal(sha256(bytes));
      if (size <= 1) return;
      for (const [first, last] of [
        [0, 0],
        [size - 1, size - 1],
        [MIB - 5, size - 1],
        [1, size - 2],
      ] as const) {
        const range = await download(storage, content, [first, last]);
        expect(sha256(range), `${first}-${last}`).to.equal(sha256(bytes.subarray(first, last + 1)));
      }
    });
  }

  it("keeps what came before the line broke, and goes on from there in however small pieces", async () => {
    const bytes = randomBytes(11 * MIB + 123);
    const content = aContent(bytes.length);
    const session = await storage.begin(content);
    expect(await storage.stored(content, session)).to.equal(0);
    for (const end of [1000, 300_000, 3 * MIB, 5 * MIB, 7 * MIB + 1]) {
      const stored = (await storage.stored(content, session)) ?? -1;
      const broken = storage.append(content, session, stored, breakingAfter(bytes.subarray(stored, end)));
      const failure = await broken.catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(Error).with.property("message", "the line broke");
      expect(await storage.stored(content, session)).to.equal(end);
    }
    const rest = bytes.subarray(7 * MIB + 1);
    expect(await storage.append(content, session, 7 * MIB + 1, inPieces(rest, 10_007))).to.equal(bytes.length);
    await storage.finish(content, session);
    expect(sha256(await download(storage, content))).to.equal(sha256(bytes));
  });

  it("bears that two append the same bytes, one of them late and with less", async () => {
    const bytes = randomBytes(2 * MIB + 17);
    const content = aContent(bytes.length);
    const session = await storage.begin(content);
    await storage.append(content, session, 0, inPieces(bytes.subarray(0, 100)));
    await Promise.all([
      storage.append(content, session, 100, inPieces(bytes.subarray(100))),
      storage.append(content, session, 100, inPieces(bytes.subarray(100, 5_000))),
    ]);
    const stored = (await storage.stored(content, session)) ?? -1;
    expect(await storage.append(content, session, stored, inPieces(bytes.subarray(stored)))).to.equal(bytes.length);
    await storage.finish(content, session);
    expect(sha256(await download(storage, content))).to.equal(sha256(bytes));
  });

  it("finishes again what was finished, and still knows how much it has", async () => {
    const bytes = randomBytes(6 * MIB);
    const content = aContent(bytes.length);
    const session = await upload(content, bytes);
    expect(await storage.stored(content, session)).to.equal(bytes.length);
    await storage.finish(content, session);
    expect(sha256(await download(storage, content))).to.equal(sha256(bytes));
  });

  it("removes everything, finished or not, and again", async () => {
    const before = await opened.leftovers();
    const finished = aContent(6 * MIB);
    const session = await upload(finished, randomBytes(finished.size));
    const begun = aContent(9 * MIB);
    const begunSession = await storage.begin(begun);
    await storage.append(begun, begunSession, 0, inPieces(randomBytes(6 * MIB)));
    expect(await opened.leftovers()).to.be.greaterThan(before);
    for (let time = 1; time <= 2; time += 1) {
      await storage.remove(finished, session);
      await storage.remove(begun, begunSession);
    }
    await storage.remove(aContent(5), null);
    expect(await opened.leftovers()).to.equal(before);
  });
}

async function openGridFs(): Promise<Opened & { readonly db: Db }> {
  const infra = await openInfra("gridfs");
  const mongo = await openMongo(infra.mongoUrl("content"), silentLogger);
  const storage = gridFsStorage(mongo.db);
  await storage.ensureIndexes();
  return {
    storage,
    db: mongo.db,
    async leftovers() {
      const counts = ["files", "chunks"].map((name) => mongo.db.collection(`${BUCKET}.${name}`).countDocuments());
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
    async [Symbol.asyncDispose]() {
      await mongo.close();
      await infra[Symbol.asyncDispose]();
    },
  };
}

async function openS3(): Promise<Opened> {
  const server = await startS3();
  const { client, bucket } = server;
  return {
    storage: s3Storage({ client, publicClient: client, bucket, prefix: "content/" }),
    async leftovers() {
      const objects = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return (objects.Contents ?? []).length + (uploads.Uploads ?? []).length;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe("content in GridFS", function gridFs() {
  this.timeout(60_000);
  contract(openGridFs);

  it("is a file to any driver's GridFS, and none before it is whole", async () => {
    const opened = await openGridFs();
    const bytes = randomBytes(3 * MIB + 5);
    const content = aContent(bytes.length);
    await opened.storage.append(content, content.key, 0, inPieces(bytes.subarray(0, 2 * MIB)));
    const bucket = new GridFSBucket(opened.db, { bucketName: BUCKET });
    expect(await bucket.find({ filename: content.key }).toArray()).to.deep.equal([]);
    await opened.storage.append(content, content.key, 2 * MIB, inPieces(bytes.subarray(2 * MIB)));
    await opened.storage.finish(content, content.key);
    expect(sha256(await readAll(bucket.openDownloadStreamByName(content.key)))).to.equal(sha256(bytes));
    await opened[Symbol.asyncDispose]();
  });
});

const missing = await missingForS3();
describe(`content in an S3 bucket${missing === null ? "" : ` ${missing}`}`, function s3() {
  this.timeout(S3_INSTALL_TIMEOUT_MS);
  if (missing === null) contract(openS3);
  else it("gives back the bytes as they came, resumes, and removes");
});
