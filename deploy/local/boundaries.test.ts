import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("../..", import.meta.url));

const packagesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, folder, entry.name));

const sourcesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : sourcesIn(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });

/** Files that reach out of their package by a relative path, with what they reach for. */
function escapesOf(folder: string): readonly string[] {
  return sourcesIn(folder).flatMap((file) => {
    const imports = [...readFileSync(file, "utf8").matchAll(/\bfrom "(\.[^"]*)"|\bimport\("(\.[^"]*)"\)/g)];
    return imports
      .map(([, one, other]) => resolve(dirname(file), one ?? other ?? "."))
      .filter((target) => !target.startsWith(folder + sep))
      .map((target) => `${relative(root, file)} imports ${relative(root, target)}`);
  });
}

/**
 * All types are checked as one program, which is five times faster than package by package and lets a relative path lead
 * anywhere. What a package may import by name, pnpm sees to: what it does not declare is not there.
 */
describe("packages and services", () => {
  it("import nothing of each other by a relative path", () => {
    const folders = [...packagesIn("packages"), ...packagesIn("services"), ...packagesIn("tests")];
    expect(folders.length).to.be.greaterThan(15);
    expect(folders.flatMap(escapesOf)).to.deep.equal([]);
  });
});
