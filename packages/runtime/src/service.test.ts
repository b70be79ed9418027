import { eventually, spawnService } from "@strata/testing";
import type { SpawnedService } from "@strata/testing";
import { expect } from "chai";

const main = new URL("../test/fixtures/slow-closer.ts", import.meta.url);
const start = (env: Record<string, string> = {}): Promise<SpawnedService> =>
  spawnService({ name: "slow-closer", main, env: { REQUIRED_URL: "http://user:S3CRET@host", ...env } });

const failureOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => expect.fail("it started"),
    (error: unknown) => String(error),
  );
const messagesOf = (service: SpawnedService): string[] => service.log.map(({ message }) => message);

describe("runService", () => {
  it("serves its health, readiness and metrics over HTTP", async () => {
    await using service = await start();
    const [health, ready, metrics, other] = await Promise.all(
      ["/healthz", "/readyz", "/metrics", "/else"].map((path) => fetch(service.probesUrl + path)),
    );
    expect([health?.status, ready?.status, metrics?.status, other?.status]).to.deep.equal([200, 200, 200, 404]);
    expect(await ready?.json()).to.deep.equal({ ready: true, checks: { started: true } });
    const text = (await metrics?.text()) ?? "";
    expect(text).to.include('process_cpu_seconds_total{service="slow-closer"').and.include("nodejs_eventloop_lag_p99");
  });

  it("answers 404 to what is no path, and goes on", async () => {
    await using service = await start();
    expect((await fetch(`${service.probesUrl}//`)).status).to.equal(404);
    expect((await fetch(`${service.probesUrl}/healthz?now`)).status).to.equal(200);
  });

  it("listens at the address that it is given, and at no other of this machine", async () => {
    await using service = await start({ LISTEN_HOST: "127.0.0.1" });
    expect((await fetch(`${service.probesUrl}/healthz`)).status).to.equal(200);
    const elsewhere = service.probesUrl.replace("127.0.0.1", "127.0.0.2");
    expect(await failureOf(fetch(`${elsewhere}/healthz`))).to.include("fetch failed");
  });

  it("stops on SIGTERM in reverse order, not ready but healthy meanwhile, and exits 0", async () => {
    const service = await start();
    service.signal("SIGTERM");
    const answer = await eventually(
      async () => fetch(`${service.probesUrl}/readyz`),
      ({ status }) => status === 503,
    );
    expect(await answer.json()).to.deep.include({ ready: false });
    expect((await fetch(`${service.probesUrl}/healthz`)).status).to.equal(200);
    expect(await service.exited).to.deep.equal({ code: 0, signal: null });
    const order = ["stopping", "broker closes", "broker closed", "store closes", "store closed", "stopped"];
    expect(messagesOf(service).slice(-order.length)).to.deep.equal(order);
  });

  it("is not hurried by a second signal, as a terminal and a supervisor send them", async () => {
    const service = await start();
    service.signal("SIGINT");
    await service.logged("broker closes");
    expect(await service.kill("SIGTERM")).to.deep.equal({ code: 0, signal: null });
    expect(messagesOf(service)).to.include("store closed");
  });

  it("exits 1 where something did not close, after closing the rest", async () => {
    const service = await start({ FAULT: "close-fails" });
    expect(await service.kill()).to.deep.equal({ code: 1, signal: null });
    expect(messagesOf(service)).to.include("store closed").and.include("a resource did not close");
  });

  it("exits 78 with one line that names every faulty variable and no value", async () => {
    const failure = await failureOf(start({ REQUIRED_URL: "S3CRET-S3CRET", METRICS_PORT: "-1" }));
    expect(failure).to.include("exit code 78").and.include("REQUIRED_URL").and.include("METRICS_PORT");
    expect(failure).not.to.include("S3CRET");
    expect(failure.trim().split("\n")).to.have.length(2);
  });

  it("exits 1 when start fails, with the causes in the log, and closes what was open", async () => {
    const failure = await failureOf(start({ FAULT: "start-fails" }));
    expect(failure)
      .to.include("exit code 1")
      .and.include("no route to host")
      .and.include('"down"')
      .and.include("store closed");
  });

  it("is not ready while it starts, and stops on SIGTERM all the same", async () => {
    const env = { REQUIRED_URL: "http://host", FAULT: "slow-start" };
    const failure = await failureOf(spawnService({ name: "slow-closer", main, env, readyDeadlineMs: 1_500 }));
    expect(failure).to.include("did not become ready").and.include("starting slowly");
  });

  for (const [fault, text] of [
    ["uncaught", "nobody caught this"],
    ["unhandled", "nobody handled this"],
  ] as const) {
    it(`exits 1 at an ${fault} failure, with the reason in the log`, async () => {
      const service = await start({ FAULT: fault }).catch((error: unknown) => String(error));
      // It may die before or after it is seen ready.
      const log = typeof service === "string" ? service : await service.exited.then(() => service.tail());
      expect(log).to.include(text);
      if (typeof service !== "string") expect(await service.exited).to.deep.equal({ code: 1, signal: null });
    });
  }
});
