import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { format } from "oxfmt";
import { eventsPage } from "./events-page.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = globSync(["*.md", "{docs,k8s,services,packages,deploy,examples}/**/*.md"], {
  cwd: root,
  exclude: ["**/node_modules/**"],
});
const textOf = (page: string): string => readFileSync(join(root, page), "utf8");

/** Every link of a page to a file of ours: its words, and the file. */
const linksOf = (page: string): readonly { words: string; file: string }[] =>
  [...textOf(page).matchAll(/\[((?:[^\]\\]|\\.)*)\]\(([^)\s]+)\)/g)]
    .map(([, words = "", target = ""]) => ({
      words: words.replaceAll(/\s+/g, " "),
      target: target.split("#")[0] ?? "",
    }))
    .filter(({ target }) => target !== "" && !/^[a-z]+:/.test(target))
    .map(({ words, target }) => ({ words, file: join(root, dirname(page), target) }));

/** As a title stands in its source: with its quotes escaped, perhaps. */
const titleIn = (source: string, title: string): boolean =>
  [title, title.replaceAll("`", ""), title.replaceAll('"', '\\"')].some((text) => source.includes(text));

describe("the documentation", () => {
  it("lists the commands, queries and events of the catalogue as they are now", async () => {
    // After a change: node tests/docs/generate-events.ts
    const { code } = await format("events.md", eventsPage(), { printWidth: 120 });
    expect(textOf("docs/events.md")).to.equal(code);
  });

  it("describes every event", () => {
    for (const [section, type] of eventsPage().matchAll(/^### (\S+)\n\n\n/gm)) expect.fail(`${type}: ${section}`);
  });

  it("links only to files that there are", () => {
    const broken = pages.flatMap((page) =>
      linksOf(page).flatMap(({ file, words }) => (existsSync(file) ? [] : [`${page}: ${words}`])),
    );
    expect(broken).to.deep.equal([]);
  });

  it("names as proof only tests that there are, by their own titles", () => {
    const unproven = pages.flatMap((page) =>
      linksOf(page)
        .filter(({ file }) => file.endsWith(".test.ts") && existsSync(file))
        .filter(({ file, words }) => !titleIn(readFileSync(file, "utf8"), words))
        .map(({ words }) => `${page}: ${words}`),
    );
    expect(unproven).to.deep.equal([]);
  });

  it("has a page for every decision in the list of decisions", () => {
    const listed = linksOf("docs/decisions/README.md").map(({ file }) => file);
    const written = globSync("docs/decisions/*.md", { cwd: root }).map((page) => join(root, page));
    expect(listed.toSorted()).to.deep.equal(written.filter((page) => !page.endsWith("README.md")).toSorted());
  });
});
