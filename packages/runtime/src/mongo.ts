import {
  MongoBulkWriteError,
  MongoClient,
  MongoClientClosedError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerClosedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from "mongodb";
import type { Db, ServerDescription } from "mongodb";
import type { Closable } from "./closing.ts";
import type { Dependency } from "./dependency.ts";
import { answersInTime } from "./dependency.ts";
import { errorChain } from "./error-chain.ts";
import type { Logger } from "./logger.ts";

/** One process's connections to MongoDB. */
export interface Mongo extends Closable {
  /** The database named in the URL. */
  readonly db: Db;
  readonly client: MongoClient;
  readonly dependency: Dependency;
}

const DUPLICATE_KEY = 11_000;

/**
 * Answers of a server that is there but cannot serve a write now: it is stopping, is no primary any more, or cannot
 * reach its majority. https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
 */
const UNAVAILABLE_CODES: ReadonlySet<unknown> = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  64, // WriteConcernTimeout
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern
  133, // FailedToSatisfyReadPreference
  189, // PrimarySteppedDown
  9001, // SocketException
  10_058, // LegacyNotPrimary
  10_107, // NotWritablePrimary
  11_600, // InterruptedAtShutdown
  11_602, // InterruptedDueToReplStateChange
  13_435, // NotPrimaryNoSecondaryOk
  13_436, // NotPrimaryOrSecondary
]);

const UNREACHABLE = [
  MongoClientClosedError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerClosedError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
] as const;

/** The pool's own errors are not exported by the driver; their names are part of its documented interface. */
const POOL_ERRORS: ReadonlySet<string> = new Set(["MongoWaitQueueTimeoutError", "MongoPoolClosedError"]);

/**
 * Driver 7.9 lets Node's own error through, unwrapped and unretried, when a connection breaks under a write. It looks
 * like any other socket's; only its stack tells that it was this driver's.
 */
const isBrokenWrite = (error: Error): boolean =>
  "syscall" in error && error.syscall === "write" && (error.stack ?? "").includes("/mongodb/lib/cmap/");

/** Whether an error says that the server is away, or cannot serve now. */
export const isUnreachable = (error: unknown): boolean => {
  if (UNREACHABLE.some((type) => error instanceof type)) return true;
  if (error instanceof MongoServerError) {
    // A bulk write wraps what broke the connection here, not in `cause`.
    return UNAVAILABLE_CODES.has(error.code) || (error.errorResponse !== error && isUnreachable(error.errorResponse));
  }
  return error instanceof Error && (POOL_ERRORS.has(error.name) || isBrokenWrite(error));
};

/**
 * Whether a write was refused only because what it inserts is already there (E11000). Of a bulk write, every single
 * refusal must be one: another failure among them is not hidden.
 */
export const isDuplicateKey = (error: unknown): boolean => {
  if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) return false;
  if (!(error instanceof MongoBulkWriteError)) return true;
  const refusals = [error.writeErrors].flat();
  return refusals.every((refusal) => refusal.code === DUPLICATE_KEY) && !error.result.getWriteConcernError();
};

/** A server comes and goes in its description; one line each time tells an operator more than each failing query. */
const logReachability = (client: MongoClient, log: Logger): void => {
  client.on("serverDescriptionChanged", ({ address, previousDescription, newDescription }) => {
    const [before, now]: ServerDescription["type"][] = [previousDescription.type, newDescription.type];
    if (now === before) return;
    if (now === "Unknown") log.warn("mongodb is not reachable", { address, error: newDescription.error });
    else log.info("mongodb is reachable", { address, role: now });
  });
};

/**
 * Connects to MongoDB and waits until there is a primary (at most 2 s; then it throws). Writes are majority-written and
 * journaled before they count. The pool is small and waiting for it is bounded, so that a slow database shows as errors
 * at once and not as a growing pile of work.
 */
export const openMongo = async (url: string, log: Logger): Promise<Mongo> => {
  const client = new MongoClient(url, {
    appName: "strata",
    maxPoolSize: 20,
    waitQueueTimeoutMS: 5_000,
    serverSelectionTimeoutMS: 2_000,
    connectTimeoutMS: 2_000,
    socketTimeoutMS: 30_000,
    writeConcern: { w: "majority", journal: true },
    retryWrites: true,
  });
  logReachability(client, log);
  try {
    await client.connect();
  } catch (error) {
    await client.close();
    throw error;
  }
  const db = client.db();
  return {
    db,
    client,
    dependency: {
      name: "mongodb",
      isDown: (error) => errorChain(error).some(isUnreachable),
      answers: () => answersInTime("mongodb", () => db.command({ ping: 1 })),
    },
    close: () => client.close(),
  };
};
