import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bornAt, isAlive, readRecord } from "./processes.mjs";
import { backOffMs, supervise } from "./supervisor.mjs";
import { until } from "./waiting.mjs";

const eventually = (what: string, isSo: () => boolean) => until(async () => isSo(), { timeoutMs: 10_000, what });

describe("supervisor", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "strata-supervisor-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const superviseCode = (code: string) => {
    const pids: number[] = [];
    const notices: string[] = [];
    const record = join(folder, "service.pid");
    const program = {
      name: "a-service",
      command: process.execPath,
      args: ["--eval", code],
      env: process.env,
      cwd: folder,
      log: join(folder, "service.log"),
      record,
    };
    const supervised = supervise(
      program,
      (pid) => pids.push(pid),
      (line) => notices.push(line),
    );
    return { supervised, pids, notices, record };
  };

  it("waits longer after each death in a row, and never longer than half a minute", () => {
    expect([1, 2, 3, 7, 50].map(backOffMs)).to.deep.equal([500, 1_000, 2_000, 30_000, 30_000]);
  });

  it("starts a service that was killed again, says so, and tells of its new process", async () => {
    const { supervised, pids, notices, record } = superviseCode("setInterval(() => {}, 1000)");
    await eventually("the first process", () => isAlive(readRecord(record)));
    process.kill(pids[0] ?? 0, "SIGKILL");
    await eventually("the second process", () => pids.length === 2 && isAlive(readRecord(record)));

    await supervised.stop();

    expect(notices).to.have.length(1);
    expect(notices[0]).to.include("a-service died (SIGKILL), starting it again in 0.5 s");
    expect(pids.map(bornAt)).to.deep.equal([undefined, undefined]);
  });

  it("gives up a service that calls its environment wrong: another start would end the same way", async () => {
    const { supervised, pids } = superviseCode("process.exit(78)");
    await eventually("giving up", () => supervised.isGivenUp());

    expect(pids).to.have.length(1);
    await supervised.stop();
  });

  it("stops while it waits to start a dead service again", async () => {
    const { supervised, pids } = superviseCode("process.exit(1)");
    await eventually("the first death", () => supervised.deaths() === 1);

    await supervised.stop();

    expect(pids).to.have.length(1);
  });
});
