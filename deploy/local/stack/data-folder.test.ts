import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { deleteDataFolder, makeDataFolder } from "./data-folder.mjs";

const gigabyte = 1_000_000_000;
const inMemory = { type: 0x01021994, bavail: 24, bsize: gigabyte };

describe("the data folder of a test run", () => {
  let folder: string;
  let dataDir: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "data-folder-"));
    dataDir = join(folder, "run", "data");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A machine with room in memory, below this folder, but for what is changed. */
  const machine = (changed: Partial<{ at: string; free: number; type: number; room: number }> = {}) => ({
    folder: changed.at ?? folder,
    freeMemory: () => changed.free ?? 20 * gigabyte,
    fileSystem: () => ({ ...inMemory, type: changed.type ?? inMemory.type, bavail: changed.room ?? inMemory.bavail }),
  });

  it("is in memory where that has room, and is deleted there too, also after a run that was killed", () => {
    makeDataFolder(dataDir, machine());
    writeFileSync(join(dataDir, "journal"), "");
    const made = readdirSync(folder).find((name) => name !== "run");
    expect(readdirSync(join(folder, String(made)))).to.deep.equal(["journal"]);
    deleteDataFolder(dataDir);
    expect(readdirSync(folder)).to.deep.equal(["run"]);
    expect(readdirSync(join(folder, "run"))).to.deep.equal([]);
  });

  for (const [where, less] of Object.entries({
    "there is no such folder": { at: "/none" },
    "its files are on a disk": { type: 0xef53 },
    "it has little room": { room: 3 },
    "little memory is free": { free: 5 * gigabyte },
  }))
    it(`is on the disk where ${where}`, () => {
      makeDataFolder(dataDir, machine(less));
      expect(lstatSync(dataDir).isDirectory()).to.equal(true);
      expect(readdirSync(folder)).to.deep.equal(["run"]);
      deleteDataFolder(dataDir);
      expect(existsSync(dataDir)).to.equal(false);
    });

  it("is not followed where the link is somebody's own", () => {
    const others = mkdtempSync(join(folder, "others-"));
    writeFileSync(join(others, "precious"), "");
    symlinkSync(others, join(folder, "link"));
    deleteDataFolder(join(folder, "link"));
    expect(readdirSync(others)).to.deep.equal(["precious"]);
  });
});
