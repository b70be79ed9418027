import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { claim } from "./claim.mjs";
import { isAlive, readRecord } from "./processes.mjs";

/** Waits for a line, so that many claim at the very same moment; then says who has it, and lives on until it is ended. */
const PROGRAM = `
const { claim } = await import(${JSON.stringify(new URL("claim.mjs", import.meta.url).href)});
process.stdout.write("ready\\n");
process.stdin.once("data", async () => {
  const holder = await claim(process.env.RECORD);
  process.stdout.write(String(holder?.pid ?? process.pid) + "\\n");
});
`;

async function contender(record: string) {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
    env: { ...process.env, RECORD: record },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    pid: child.pid ?? 0,
    go: () => void child.stdin.write("go\n"),
    answer: async (): Promise<number> => Number((await lines.next()).value),
    end: () =>
      new Promise<void>((resolve) => {
        child.once("close", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}

describe("claiming a checkout", function claiming() {
  this.timeout(60_000);
  let folder: string;
  let record: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "strata-claim-"));
    record = join(folder, "start.pid");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("lets in exactly one of many that come at the very same moment, and tells the others which", async () => {
    for (let round = 0; round < 5; round += 1) {
      const contenders = await Promise.all(Array.from({ length: 6 }, () => contender(record)));
      for (const one of contenders) one.go();
      const answers = await Promise.all(contenders.map((one) => one.answer()));
      expect(new Set(answers).size, `round ${round}`).to.equal(1);
      expect(contenders.map(({ pid }) => pid)).to.include(answers[0]);
      expect(readRecord(record)?.pid).to.equal(answers[0]);
      // The killed holder's record stays, as after a crash: the next round must not be kept out by it.
      await Promise.all(contenders.map((one) => one.end()));
    }
  });

  it("is not kept out by what killed processes left behind, and leaves no wish of its own", async () => {
    writeFileSync(record, "1\nlong ago\n");
    expect(await claim(record)).to.equal(undefined);
    expect(isAlive(readRecord(record))).to.equal(true);
    expect(readdirSync(`${record}.wanted`)).to.deep.equal([]);
  });
});
