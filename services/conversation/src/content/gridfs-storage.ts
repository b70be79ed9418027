import { Readable } from "node:stream";
import { isDuplicateKey } from "@strata/runtime";
import { Binary, type Db } from "mongodb";
import { z } from "zod";
import type { ByteRange } from "../domain/byte-ranges.ts";
import type { ContentStorage } from "./content-storage.ts";
import { writeBlocks } from "./write-blocks.ts";

/** The collections of GridFS, `<bucket>.files` and `<bucket>.chunks`: any driver's GridFS reads what is in them. */
export const BUCKET = "content_bytes";
/** Four times the drivers' own: each chunk costs a round trip to the majority. */
const CHUNK_BYTES = 1024 * 1024;
/** Chunks per round trip of a download. A driver's own stream would hold 16 MB of them. */
const CHUNKS_PER_BATCH = 1;

interface FileDocument {
  readonly _id: string;
  readonly length: number;
  readonly chunkSize: number;
  readonly uploadDate: Date;
  readonly filename: string;
  readonly metadata: { readonly mimeType: string };
}

interface ChunkDocument {
  readonly _id: string;
  readonly files_id: string;
  readonly n: number;
  readonly data: Binary;
}

const LastChunk = z.object({ n: z.number(), length: z.number() });
const Chunk = z.object({ n: z.number(), data: z.instanceof(Binary) });

/**
 * Bytes in MongoDB, in the format of GridFS. Chunks are written one after the other, each by the majority, so that what
 * is stored is what the last chunk says: an upload goes on after any process died. The file's document, without which
 * no reader sees it, comes last.
 */
export function gridFsStorage(db: Db): ContentStorage & { ensureIndexes(): Promise<void> } {
  const files = db.collection<FileDocument>(`${BUCKET}.files`);
  const chunks = db.collection<ChunkDocument>(`${BUCKET}.chunks`);

  const storedBytes = async (key: string): Promise<number> => {
    const [last] = await chunks
      .aggregate([
        { $match: { files_id: key } },
        { $sort: { n: -1 } },
        { $limit: 1 },
        { $project: { _id: 0, n: 1, length: { $binarySize: "$data" } } },
      ])
      .toArray();
    if (last === undefined) return 0;
    const { n, length } = LastChunk.parse(last);
    return n * CHUNK_BYTES + length;
  };

  /** A chunk only ever grows: a writer that comes late, with less of it, changes nothing. */
  const writeChunk = async (key: string, n: number, bytes: Buffer): Promise<void> => {
    const _id = `${key}/${n}`;
    const data = new Binary(bytes);
    try {
      await chunks.insertOne({ _id, files_id: key, n, data });
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const isShorter = { $expr: { $lt: [{ $binarySize: "$data" }, bytes.length] } };
      await chunks.updateOne({ _id, ...isShorter }, { $set: { data } });
    }
  };

  const begunChunk = async (key: string, stored: number): Promise<Buffer> => {
    const length = stored % CHUNK_BYTES;
    if (length === 0) return Buffer.alloc(0);
    const { data } = Chunk.parse(await chunks.findOne({ files_id: key, n: Math.floor(stored / CHUNK_BYTES) }));
    return Buffer.from(data.buffer).subarray(0, length);
  };

  async function* read(key: string, { first, last }: ByteRange): AsyncGenerator<Buffer> {
    const from = Math.floor(first / CHUNK_BYTES);
    const to = Math.floor(last / CHUNK_BYTES);
    const cursor = chunks
      .find({ files_id: key, n: { $gte: from, $lte: to } }, { batchSize: CHUNKS_PER_BATCH })
      .sort({ n: 1 });
    let expected = from;
    for await (const row of cursor) {
      const { n, data } = Chunk.parse(row);
      if (n !== expected) break;
      expected += 1;
      const offset = n * CHUNK_BYTES;
      yield Buffer.from(data.buffer).subarray(Math.max(0, first - offset), last - offset + 1);
    }
    if (expected !== to + 1) throw new Error(`content lacks chunk ${expected}`);
  }

  return {
    heldBytes: { upload: 2 * CHUNK_BYTES, download: CHUNKS_PER_BATCH * CHUNK_BYTES },
    begin: async ({ key }) => key,
    stored: ({ key }) => storedBytes(key),
    async append({ key }, _session, stored, source) {
      let n = Math.floor(stored / CHUNK_BYTES);
      await writeBlocks(source, {
        blockBytes: CHUNK_BYTES,
        begun: await begunChunk(key, stored),
        write: (block) => writeChunk(key, n++, block),
        writeRest: (rest) => writeChunk(key, n, rest),
      });
      return storedBytes(key);
    },
    async finish({ key, size, mimeType }) {
      await requireAllChunks(key, size);
      const file = { _id: key, length: size, chunkSize: CHUNK_BYTES, filename: key, metadata: { mimeType } };
      try {
        await files.insertOne({ ...file, uploadDate: new Date() });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async open({ key, size }, range) {
      const whole = { first: 0, last: size - 1 };
      const bytes = size === 0 ? Readable.from([]) : Readable.from(read(key, range ?? whole));
      return { kind: "stream", bytes };
    },
    // It is the database, which the service watches anyway.
    isDown: () => false,
    async remove({ key }) {
      await files.deleteOne({ _id: key });
      await chunks.deleteMany({ files_id: key });
    },
    async ensureIndexes() {
      await chunks.createIndex({ files_id: 1, n: 1 }, { unique: true });
      await files.createIndex({ filename: 1, uploadDate: 1 });
    },
  };

  async function requireAllChunks(key: string, size: number): Promise<void> {
    const count = await chunks.countDocuments({ files_id: key });
    if (count !== Math.ceil(size / CHUNK_BYTES)) throw new Error(`content of ${size} bytes has ${count} chunks`);
  }
}
