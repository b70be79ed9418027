import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@strata/testing";
import { MongoClient } from "mongodb";
import { freePort } from "./own-broker.ts";

const NAME = "failover";
const MEMBERS = 3;

/** A MongoDB replica set of three members of a test's own, which may lose its primary. */
export interface OwnReplicaSet extends AsyncDisposable {
  /** With this database. */
  url(database: string): string;
  /** Asks the primary to hand its role on. */
  stepDown(): Promise<void>;
  /** Kills the primary without warning; it does not come back. */
  killPrimary(): Promise<void>;
}

/** A mongod of this machine, as deploy/local/stack finds it; undefined where MongoDB runs elsewhere. */
export async function findMongod(): Promise<string | undefined> {
  const module = new URL("../../../deploy/local/stack/binaries.mjs", import.meta.url).href;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JavaScript without types
  const binaries = (await import(module)) as { findMongod(): string | undefined };
  return binaries.findMongod();
}

export async function startOwnReplicaSet(mongod: string): Promise<OwnReplicaSet> {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-replica-set-"));
  const members = new Map<number, ChildProcess>();
  for (let n = 0; n < MEMBERS; n += 1) {
    const port = await freePort();
    members.set(port, await startMember(mongod, await mkdtemp(join(dataDir, "member-")), port));
  }
  const [first = 0] = members.keys();
  await initiate(first, [...members.keys()]);

  const primary = async (): Promise<number> => {
    const hosts = await Promise.all([...members.keys()].map(async (port) => [port, await isPrimary(port)] as const));
    const [found] = hosts.find(([, is]) => is) ?? [];
    if (found === undefined) throw new Error("there is no primary now");
    return found;
  };
  await eventually(primary, (port) => port > 0, { deadlineMs: 30_000 });
  const stop = async (port: number): Promise<void> => {
    const member = members.get(port);
    members.delete(port);
    if (member?.exitCode !== null) return;
    const exited = once(member, "exit");
    member.kill("SIGKILL");
    await exited;
  };
  return {
    url: (database) => {
      const hosts = [...members.keys()].map((port) => `127.0.0.1:${port}`).join(",");
      return `mongodb://${hosts}/${database}?replicaSet=${NAME}`;
    },
    stepDown: async () =>
      onMember(await primary(), async (client) => {
        await client.db("admin").command({ replSetStepDown: 30, secondaryCatchUpPeriodSecs: 10 });
      }),
    killPrimary: async () => stop(await primary()),
    async [Symbol.asyncDispose]() {
      await Promise.all([...members.keys()].map(stop));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function startMember(mongod: string, dbPath: string, port: number): Promise<ChildProcess> {
  const args = [`--replSet=${NAME}`, "--bind_ip=127.0.0.1", `--port=${port}`, "--nounixsocket", `--dbpath=${dbPath}`];
  const small = [
    "--oplogSize=64",
    "--wiredTigerCacheSizeGB=0.25",
    "--setParameter=diagnosticDataCollectionEnabled=false",
  ];
  const member = spawn(mongod, [...args, ...small], { stdio: "ignore" });
  await once(member, "spawn");
  await eventually(() => isPrimary(port), false, { deadlineMs: 30_000 });
  return member;
}

/** Impatient with a silent primary, so that an election takes a second and not ten. */
const initiate = (port: number, ports: readonly number[]): Promise<unknown> =>
  onMember(port, (client) =>
    client.db("admin").command({
      replSetInitiate: {
        _id: NAME,
        members: ports.map((member, _id) => ({ _id, host: `127.0.0.1:${member}` })),
        settings: { electionTimeoutMillis: 1_000, heartbeatIntervalMillis: 200 },
      },
    }),
  );

const isPrimary = (port: number): Promise<boolean> =>
  onMember(port, async (client) => (await client.db("admin").command({ hello: 1 }))["isWritablePrimary"] === true);

async function onMember<T>(port: number, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 1_000,
  });
  try {
    return await work(await client.connect());
  } finally {
    await client.close();
  }
}
