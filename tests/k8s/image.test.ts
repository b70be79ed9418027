import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** What the runtime exits with when the environment is at fault, and nothing else. */
const EXIT_CONFIG = 78;

const LEFT_OUT = new Set(["node_modules", "test", "README.md"]);
const isWanted = (path: string): boolean => !LEFT_OUT.has(basename(path)) && !path.endsWith(".test.ts");

/** What `COPY . .` brings into a build, as .dockerignore says: manifests, sources, no tests. */
async function buildContext(folder: string): Promise<void> {
  for (const entry of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "packages", "services"]) {
    await cp(join(root, entry), join(folder, entry), { recursive: true, filter: isWanted });
  }
}

/** The install step as it stands in the Dockerfile, for one service. */
async function installCommand(service: string): Promise<string> {
  const dockerfile = await readFile(join(root, "deploy/Dockerfile"), "utf8");
  const [, command = ""] = /^RUN (pnpm install .*)$/m.exec(dockerfile) ?? [];
  return command.replaceAll("${SERVICE}", service);
}

describe("an image of a service", () => {
  let folder: string;
  // Below the workspace, so that pnpm links from the store that the workspace was installed from.
  before(async () => {
    await mkdir(join(root, ".strata"), { recursive: true });
    folder = await mkdtemp(join(root, ".strata/image-"));
    await buildContext(folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("has everything that each service loads, and misses nothing but its configuration", async function starts() {
    this.timeout(120_000);
    for (const service of await readdir(join(folder, "services"))) {
      await run("sh", ["-c", `${await installCommand(service)} --offline`], { cwd: folder });
      const cwd = join(folder, "services", service);
      const env = { PATH: process.env["PATH"], NODE_ENV: "production" };
      const exit: unknown = await run(process.execPath, ["src/main.ts"], { cwd, env, timeout: 20_000 }).catch(
        (error: unknown) => error,
      );
      expect(exit, service).to.have.property("code", EXIT_CONFIG);
      expect(exit, service).to.have.property("stdout").that.includes("AMQP_URL is missing");
    }
  });
});
