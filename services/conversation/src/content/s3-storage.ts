import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { ContentStorage, StorableContent } from "./content-storage.ts";
import { writeBlocks } from "./write-blocks.ts";

interface Options {
  readonly client: S3Client;
  /** The same, but with the address under which callers reach the storage: it signs their URLs. */
  readonly publicClient: S3Client;
  readonly bucket: string;
  /** Goes before every key. */
  readonly prefix: string;
}

/** The least that S3 takes for any part but the last. 2 GiB are 410 of them, of the 10,000 that it allows. */
const PART_BYTES = 5 * 1024 * 1024;

/**
 * Bytes in a storage that speaks S3. An upload is a multipart upload, resumed by what the storage lists of its parts.
 * What came and is too little for a part is kept beside it, in an object that says where it belongs: else a client that
 * sends small pieces would never get on.
 */
export function s3Storage({ client, publicClient, bucket, prefix }: Options): ContentStorage {
  const objectOf = (key: string) => ({ Bucket: bucket, Key: `${prefix}${key}` });
  const restOf = (key: string) => ({ Bucket: bucket, Key: `${prefix}${key}.rest` });

  /** The parts that follow each other from the first on; null when there is no such upload any more. */
  const partsOf = async ({ key, size }: StorableContent, session: string): Promise<CompletedPart[] | null> => {
    const parts: CompletedPart[] = [];
    try {
      // The SDK's own paginator never ends where a storage names a next page behind the last one.
      for (let isTruncated = true; isTruncated;) {
        const page = await client.send(
          new ListPartsCommand({
            ...objectOf(key),
            UploadId: session,
            ...(parts.length === 0 ? {} : { PartNumberMarker: String(parts.length) }),
          }),
        );
        isTruncated = page.IsTruncated ?? false;
        for (const { PartNumber, Size, ETag } of page.Parts ?? []) {
          const expected = Math.min(PART_BYTES, size - parts.length * PART_BYTES);
          if (PartNumber !== parts.length + 1 || Size !== expected || ETag === undefined) return parts;
          parts.push({ PartNumber, ETag });
        }
      }
      return parts;
    } catch (error) {
      if (isNamed(error, "NoSuchUpload")) return null;
      throw error;
    }
  };

  const finishedBytes = async (key: string): Promise<number | null> => {
    const head = await orNull("NotFound", client.send(new HeadObjectCommand(objectOf(key))));
    return head?.ContentLength ?? null;
  };

  const restBehind = async (key: string, offset: number): Promise<Buffer> => {
    const rest = await orNull("NoSuchKey", client.send(new GetObjectCommand(restOf(key))));
    const bytes = Buffer.from((await rest?.Body?.transformToByteArray()) ?? []);
    return rest?.Metadata?.["offset"] === String(offset) ? bytes : Buffer.alloc(0);
  };

  const stored = async (content: StorableContent, session: string): Promise<number | null> => {
    const parts = await partsOf(content, session);
    if (parts === null) return (await finishedBytes(content.key)) === content.size ? content.size : null;
    const bytes = Math.min(parts.length * PART_BYTES, content.size);
    return bytes === content.size ? bytes : bytes + (await restBehind(content.key, bytes)).length;
  };

  const begin = async ({ key, mimeType }: StorableContent): Promise<string> => {
    const begun = await client.send(new CreateMultipartUploadCommand({ ...objectOf(key), ContentType: mimeType }));
    if (begun.UploadId === undefined) throw new Error("the storage began an upload without an id");
    return begun.UploadId;
  };

  return {
    heldBytes: { upload: 2 * PART_BYTES, download: 0 },
    begin,
    stored,
    async append(content, session, from, source) {
      const { key, size } = content;
      let done = Math.floor(from / PART_BYTES);
      const writePart = async (Body: Buffer): Promise<void> => {
        done += 1;
        await client.send(
          new UploadPartCommand({
            ...objectOf(key),
            UploadId: session,
            PartNumber: done,
            Body,
            ContentLength: Body.length,
          }),
        );
      };
      await writeBlocks(source, {
        blockBytes: PART_BYTES,
        begun: from % PART_BYTES === 0 ? Buffer.alloc(0) : await restBehind(key, done * PART_BYTES),
        write: writePart,
        async writeRest(rest) {
          const offset = done * PART_BYTES;
          if (offset + rest.length === size) return writePart(rest);
          const Metadata = { offset: String(offset) };
          await client.send(new PutObjectCommand({ ...restOf(key), Body: rest, ContentLength: rest.length, Metadata }));
        },
      });
      return (await stored(content, session)) ?? 0;
    },
    async finish(content, session) {
      const { key, size, mimeType } = content;
      if (size === 0) {
        // An upload of no parts cannot be completed.
        await client.send(new PutObjectCommand({ ...objectOf(key), ContentType: mimeType, ContentLength: 0 }));
        return;
      }
      const Parts = await partsOf(content, session);
      if (Parts !== null) {
        await client.send(
          new CompleteMultipartUploadCommand({ ...objectOf(key), UploadId: session, MultipartUpload: { Parts } }),
        );
      }
      const bytes = await finishedBytes(key);
      if (bytes !== size) throw new Error(`content of ${size} bytes was completed with ${bytes}`);
      await deleteAll([restOf(key).Key]);
    },
    async open({ key, mimeType }, _range, expiresInSeconds) {
      const command = new GetObjectCommand({ ...objectOf(key), ResponseContentType: mimeType });
      return { kind: "redirect", url: await getSignedUrl(publicClient, command, { expiresIn: expiresInSeconds }) };
    },
    isDown,
    async remove({ key }, session) {
      if (session !== null) {
        const abort = new AbortMultipartUploadCommand({ ...objectOf(key), UploadId: session });
        await orNull("NoSuchUpload", client.send(abort));
      }
      await deleteAll([objectOf(key).Key, restOf(key).Key]);
    },
  };

  async function deleteAll(keys: readonly string[]): Promise<void> {
    const Objects = keys.map((Key) => ({ Key }));
    await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
  }
}

/** No connection, no answer in time, or an answer that says to come again. */
const isDown = (error: unknown): boolean => {
  if (error instanceof S3ServiceException) return (error.$metadata.httpStatusCode ?? 500) >= 500;
  return error instanceof Error && ("syscall" in error || error.name === "TimeoutError");
};

const isNamed = (error: unknown, name: string): boolean => error instanceof S3ServiceException && error.name === name;

async function orNull<T>(name: string, sent: Promise<T>): Promise<T | null> {
  try {
    return await sent;
  } catch (error) {
    if (isNamed(error, name)) return null;
    throw error;
  }
}
