import { existsSync, readdirSync } from "node:fs";
import { inRoot, root } from "./paths.mjs";
import { join, relative } from "node:path";

/** Where tests are, in the order in which they run: the small ones first, whole journeys last. */
const folders = ["packages", "services", "deploy", "k8s", "examples", "tests"];

/**
 * Every `*.test.ts` of the workspace. A walk of our own, because Node 20 has no glob and installed packages bring tests.
 * @returns {string[]} paths below the root
 */
export const findTests = () =>
  folders
    .map((folder) => inRoot(folder))
    .filter(existsSync)
    .flatMap(testsBelow)
    .map((file) => relative(root, file));

/**
 * @param {string} folder
 * @returns {string[]}
 */
function testsBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  const found = entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : testsBelow(path);
    return entry.name.endsWith(".test.ts") ? [path] : [];
  });
  // The order of a directory differs between machines; the order of a test run should not.
  found.sort((a, b) => (a < b ? -1 : 1));
  return found;
}
