import { S3Client } from "@aws-sdk/client-s3";
import type { Mongo } from "@strata/runtime";
import type { Config } from "../config.ts";
import type { ContentStorage } from "./content-storage.ts";
import { gridFsStorage } from "./gridfs-storage.ts";
import { s3Storage } from "./s3-storage.ts";

type StorageConfig = Pick<
  Config,
  | "S3_BUCKET"
  | "S3_ENDPOINT"
  | "S3_PUBLIC_ENDPOINT"
  | "S3_REGION"
  | "S3_ACCESS_KEY_ID"
  | "S3_SECRET_ACCESS_KEY"
  | "S3_FORCE_PATH_STYLE"
  | "S3_KEY_PREFIX"
>;

/** The storage that the configuration names: a bucket, or else this service's own database. */
export async function openStorage(config: StorageConfig, mongo: Mongo): Promise<ContentStorage> {
  if (config.S3_BUCKET === undefined) {
    const storage = gridFsStorage(mongo.db);
    await storage.ensureIndexes();
    return storage;
  }
  return s3Storage({
    client: s3Client(config, config.S3_ENDPOINT),
    publicClient: s3Client(config, config.S3_PUBLIC_ENDPOINT ?? config.S3_ENDPOINT),
    bucket: config.S3_BUCKET,
    prefix: config.S3_KEY_PREFIX,
  });
}

function s3Client(config: StorageConfig, endpoint: string | undefined): S3Client {
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config;
  return new S3Client({
    region: config.S3_REGION,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    ...(endpoint === undefined ? {} : { endpoint }),
    // Without a key, the SDK looks for what the machine has: a role of the pod or of the instance.
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 60_000 },
    // Not every storage that speaks S3 knows the checksums that the SDK would add by itself.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}
