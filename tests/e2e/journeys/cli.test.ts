import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually, userIds } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";
import { journeysPlatform } from "./platform.ts";

const main = fileURLToPath(new URL("../../../packages/cli/src/main.ts", import.meta.url));
const run = promisify(execFile);

const Failure = z.object({ code: z.number(), stderr: z.string() });
const App = z.object({ app_id: z.string(), name: z.string() });
const Token = z.object({ token: z.string() });
const Explanation = z.object({ policy: z.string().nullable(), category: z.string() });
const Sent = z.object({ id: z.string() });
const Status = z.object({ counts: z.object({ sent: z.number(), unknown: z.number() }) });

describe("the command line", function journeys() {
  this.timeout(60_000);
  let platform: Platform;
  let app: TestApp;
  before(async () => {
    platform = await journeysPlatform();
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["sender", ...userIds(3)]);
  });

  const strata = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    const common = { PATH: process.env["PATH"], STRATA_URL: platform.baseUrl };
    const { stdout } = await run(process.execPath, [main, ...args], { env: { ...common, ...env } });
    return JSON.parse(stdout);
  };
  const failureOf = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    strata(args, env).then(
      () => Promise.reject(new Error("it succeeded")),
      (error: unknown) => Failure.parse(error),
    );

  it("makes an app and a token that opens it", async () => {
    const operator = { STRATA_ACCOUNT_TOKEN: platform.accountToken };
    const made = App.parse(await strata(["app", "create", "--name", "Orders"], operator));
    expect(made.name).to.equal("Orders");
    const { token } = Token.parse(await strata(["token", "create", "--app", made.app_id, "--name", "ci"], operator));
    const nothingThere = ["status", "5f0e1c52-5d6b-4b2f-9c1d-0a6a4f0b7e11", "--app", made.app_id];
    expect((await failureOf(nothingThere, { STRATA_TOKEN: token })).stderr).to.include("404 not_found");
  });

  it("announces and shows what became of it", async () => {
    const env = { STRATA_APP: app.appId, STRATA_TOKEN: app.token };
    const to = [...userIds(3), "stranger"].join(",");
    const { id } = Sent.parse(await strata(["announce", "--to", to, "--from", "sender", "--text", "hello"], env));
    await eventually(async () => Status.parse(await strata(["status", id], env)).counts, { sent: 3, unknown: 1 });
  });

  it("sets an app's push policy from a file, shows it, and says what it comes to for a user", async () => {
    const env = { STRATA_APP: app.appId, STRATA_TOKEN: app.token };
    const folder = await mkdtemp(join(tmpdir(), "strata-cli-"));
    const file = join(folder, "policy.json");
    const policy = { categories: { offers: { user_choice: "must_opt_in" } } };
    await writeFile(file, JSON.stringify(policy));
    expect(await strata(["push-policy", "set", "--file", file], env)).to.deep.include(policy);
    expect(await strata(["push-policy", "get"], env)).to.deep.include(policy);
    const explained = () => strata(["explain-push", userIds(1)[0] ?? "", "--category", "offers", "--urgent"], env);
    await eventually(async () => Explanation.parse(await explained()), { policy: "opted_out", category: "offers" });
    await writeFile(file, "quiet_hours: night");
    expect(await failureOf(["push-policy", "set", "--file", file], env)).to.include({ code: 2 });
    await writeFile(file, JSON.stringify({ quiet_hours: "night" }));
    const refused = await failureOf(["push-policy", "set", "--file", file], env);
    expect(refused.stderr).to.include("422 invalid_property: quiet_hours");
    expect(await failureOf(["explain-push"], env)).to.include({ code: 2 });
    await rm(folder, { recursive: true });
  });

  it("says what is missing, with exit code 2 for wrong use and 1 for a refusal", async () => {
    expect(await failureOf(["announce", "--to", "u1"])).to.include({ code: 2 });
    expect((await failureOf(["app", "create", "--name", "x"])).stderr).to.include("STRATA_ACCOUNT_TOKEN");
    expect(await failureOf(["app", "create", "--nam", "x"])).to.include({ code: 2 });
    const wrong = await failureOf(["app", "create", "--name", "x"], { STRATA_ACCOUNT_TOKEN: "strata_nonsense" });
    expect(wrong.code).to.equal(1);
    expect(wrong.stderr).to.include("401 authentication_required");
  });
});
