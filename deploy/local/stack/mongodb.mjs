import { mkdirSync } from "node:fs";
import { join } from "node:path";

const replicaSet = "strata";

/**
 * A replica set of one member: majority writes and change times behave as in production, on one machine.
 * @type {(place: import("./servers.mjs").Place) => import("./servers.mjs").ServerProgram}
 */
export const mongodb = ({ ports, dataDir, binaries }) => {
  const data = join(dataDir, "mongodb");
  return {
    name: "mongodb",
    command: binaries.mongod,
    args: [
      `--replSet=${replicaSet}`,
      "--bind_ip=127.0.0.1",
      `--port=${ports.mongo}`,
      "--nounixsocket",
      `--dbpath=${data}`,
      // The defaults take 5 % of the disk for the oplog and half of the memory for the cache: too much beside an editor.
      "--oplogSize=512",
      "--wiredTigerCacheSizeGB=1.5",
      // A primary waits 15 s for others to take over before it ends; here there are no others.
      "--setParameter=shutdownTimeoutMillisForSignaledShutdown=100",
      "--setParameter=diagnosticDataCollectionEnabled=false",
    ],
    env: process.env,
    prepare: () => mkdirSync(data, { recursive: true }),
    isReady: () => isPrimary(ports.mongo),
    readyWithinMs: 60_000,
  };
};

/** @param {import("../ports.mjs").Ports} ports */
export const mongodbUrls = (ports) => ({
  MONGO_URL: `mongodb://127.0.0.1:${ports.mongo}/?replicaSet=${replicaSet}`,
});

/** What the server answers when its data belongs to a replica set already. */
const alreadyInitialized = 23;

/**
 * Whether the server takes writes; on its very first start it is told to be a replica set.
 * @param {number} port
 */
export async function isPrimary(port) {
  // Imported late: the first command on a fresh machine installs the packages before it comes here.
  const { MongoClient } = await import("mongodb");
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 500,
  });
  try {
    const admin = client.db("admin");
    const hello = await admin.command({ hello: 1 });
    if (hello.setName === undefined) await becomeReplicaSet(admin, `127.0.0.1:${port}`);
    return hello.isWritablePrimary === true;
  } finally {
    await client.close();
  }
}

/**
 * @param {import("mongodb").Db} admin
 * @param {string} host
 */
async function becomeReplicaSet(admin, host) {
  try {
    await admin.command({ replSetInitiate: { _id: replicaSet, members: [{ _id: 0, host }] } });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === alreadyInitialized)) throw error;
    // The data remembers an address on other ports; the set's only member moves to this one.
    const { config } = await admin.command({ replSetGetConfig: 1 });
    const moved = { ...config, version: config.version + 1, members: [{ _id: 0, host }] };
    await admin.command({ replSetReconfig: moved, force: true });
  }
}
