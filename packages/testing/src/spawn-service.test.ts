import { expect } from "chai";
import { eventually } from "./eventually.ts";
import { spawnService } from "./spawn-service.ts";

const main = new URL("../test/fixtures/greeting-service.ts", import.meta.url);
const spawnGreeting = (env: Record<string, string>, readyDeadlineMs = 15_000): ReturnType<typeof spawnService> =>
  spawnService({ name: "greeting", main, env, readyDeadlineMs });

const failureOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => expect.fail("it started"),
    (error: unknown) => String(error),
  );

describe("spawnService", () => {
  it("returns a process that is ready, and tells the port it chose", async () => {
    await using service = await spawnGreeting({ GREETING: "hello" });
    const { port } = await service.logged("listening");
    expect(await (await fetch(`http://127.0.0.1:${String(port)}`)).text()).to.equal("hello");
    expect((await fetch(`${service.probesUrl}/healthz`)).status).to.equal(200);
  });

  it("stops it with SIGTERM and tells how it ended", async () => {
    const service = await spawnGreeting({ GREETING: "hello" });
    expect(await service.kill()).to.deep.equal({ code: 0, signal: null });
    expect(service.tail()).to.include('"stopped"');
  });

  it("kills it without a chance to clean up", async () => {
    const service = await spawnGreeting({ GREETING: "hello" });
    expect(await service.kill("SIGKILL")).to.deep.equal({ code: null, signal: "SIGKILL" });
  });

  it("gives it no variable of the test's own environment", async () => {
    process.env["GREETING"] = "leaked";
    const failure = await failureOf(spawnGreeting({}));
    delete process.env["GREETING"];
    expect(failure).to.include("exit code 78").and.include("GREETING is missing");
  });

  it("shows the end of the log of a process that fails to start", async () => {
    expect(await failureOf(spawnGreeting({ GREETING: "x", FAULT: "start" })))
      .to.include("exit code 1")
      .and.include("no greeting today");
  });

  it("gives up on a process that never becomes ready, and leaves none behind", async () => {
    const failure = await failureOf(spawnGreeting({ GREETING: "x", FAULT: "never-ready" }, 6_000));
    expect(failure).to.include("did not become ready").and.include('"started"');
    await eventually(() => process.getActiveResourcesInfo().includes("ProcessWrap"), false);
  });
});
