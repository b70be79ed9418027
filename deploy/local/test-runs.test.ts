import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { expect } from "chai";
import { inStrata, root } from "./paths.mjs";
import { runTestFiles, unitsOf } from "./test-runs.mjs";

const toolchain = { node: process.execPath, pnpm: [process.execPath, ""] as [string, string], env: process.env };

describe("a run of test files", () => {
  let folder: string;
  before(async () => {
    await mkdir(inStrata(), { recursive: true });
    folder = await mkdtemp(join(inStrata(), "test-runs-"));
  });
  after(() => rm(folder, { recursive: true }));

  const testFile = async (name: string, body: string): Promise<string> => {
    const file = join(folder, `${name}.test.mjs`);
    await writeFile(file, body);
    return relative(root, file);
  };

  it("is cut into packages, and the tests of the whole into files and folders below", () => {
    const ofPackage = ["packages/a/x.test.ts", "packages/a/src/y.test.ts"];
    const ofFolder = ["tests/e2e/shared/x.test.ts", "tests/e2e/shared/y.test.ts"];
    expect(unitsOf([...ofPackage, ...ofFolder, "tests/e2e/z.test.ts"])).to.deep.equal([
      { name: "packages/a", files: ofPackage },
      { name: "tests/e2e/shared", files: ofFolder },
      { name: "tests/e2e/z.test.ts", files: ["tests/e2e/z.test.ts"] },
    ]);
  });

  it("counts what passes and what fails, tried twice", async () => {
    const tries = join(folder, "tries");
    const file = await testFile(
      "fails",
      `import { appendFileSync } from "node:fs";
       it("passes", () => {});
       it("fails", () => { appendFileSync(${JSON.stringify(tries)}, "x"); throw new Error("no"); });`,
    );
    expect(await runTestFiles(toolchain, [file])).to.deep.equal({ passed: 1, failed: 1 });
    expect(await readFile(tries, "utf8")).to.equal("xx");
  });

  it("counts other work that runs beside the tests", async () => {
    const file = await testFile("passes", `it("passes", () => {});`);
    const beside = [async () => ({ passed: 2, failed: 1 })];
    expect(await runTestFiles(toolchain, [file], beside)).to.deep.equal({ passed: 3, failed: 1 });
  });

  it("counts as passed what passes at the second try", async () => {
    const tries = join(folder, "once");
    const file = await testFile(
      "unsteady",
      `import { existsSync, writeFileSync } from "node:fs";
       it("is disturbed once", () => {
         if (existsSync(${JSON.stringify(tries)})) return;
         writeFileSync(${JSON.stringify(tries)}, "");
         throw new Error("disturbed");
       });`,
    );
    expect(await runTestFiles(toolchain, [file])).to.deep.equal({ passed: 1, failed: 0 });
  });

  it("has failed when a file cannot be read at all", async () => {
    const file = await testFile("broken", "this is no program");
    expect(await runTestFiles(toolchain, [file])).to.deep.equal({ passed: 0, failed: 1 });
  });
});
