import { eventually, testBackend, testLogger } from "@strata/testing";
import { expect } from "chai";
import { CallError, urlCaller } from "./call-url.ts";
import { circuits } from "./circuits.ts";

const AN_HOUR = 3_600_000;

describe("the circuit of a backend", () => {
  const caller = urlCaller({ isLocalAllowed: true, ca: null });
  after(() => caller.close());

  /** Circuits that open at the third miss in a row, unless it is said how long a silence must be. */
  function setUp(options: { readonly coolDownMs: number; readonly longMs?: number; readonly maxCircuits?: number }) {
    const made = circuits({ log: testLogger("integration"), longMs: 0, ...options });
    let called = 0;
    /** What comes of a question: a status, that there was no answer, or that nobody was asked. */
    const ask = async (
      url: string,
      { app = "app", timeoutMs = AN_HOUR } = {},
    ): Promise<number | "missed" | "spared"> => {
      const call = () => {
        called += 1;
        return caller.post({ url, headers: {}, body: "{}", timeoutMs });
      };
      try {
        return (await made.run(app, url, call))?.status ?? "spared";
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        return "missed";
      }
    };
    const miss = (url: string) => ask(url, { timeoutMs: 50 });
    const open = async (url: string): Promise<void> => {
      for (let question = 0; question < 3; question += 1) expect(await miss(url)).to.equal("missed");
    };
    return { ask, miss, open, called: () => called };
  }

  it("has nobody asked who was silent three times in a row, for that app and that URL alone", async () => {
    await using backend = await testBackend();
    const { ask, open, called } = setUp({ coolDownMs: AN_HOUR });
    backend.hangs();
    await open(backend.url);
    backend.says({});
    expect(await Promise.all([ask(backend.url), ask(backend.url)])).to.deep.equal(["spared", "spared"]);
    expect(called()).to.equal(3);
    expect(await ask(`${backend.url}/other`)).to.equal(200);
    expect(await ask(backend.url, { app: "another app" })).to.equal(200);
  });

  it("stays closed for who answers, whatever it is, and for a hiccup that many questions meet together", async () => {
    await using backend = await testBackend();
    const { ask, miss } = setUp({ coolDownMs: AN_HOUR });
    for (let round = 0; round < 2; round += 1) {
      backend.hangs();
      expect([await miss(backend.url), await miss(backend.url)]).to.deep.equal(["missed", "missed"]);
      backend.answers({ status: 500 });
      expect([await ask(backend.url), await ask(backend.url)]).to.deep.equal([500, 500]);
    }
    const patient = setUp({ coolDownMs: AN_HOUR, longMs: AN_HOUR });
    backend.hangs();
    const hiccup = Array.from({ length: 20 }, () => patient.miss(backend.url));
    expect(new Set(await Promise.all(hiccup))).to.deep.equal(new Set(["missed"]));
    backend.says({});
    expect(await patient.ask(backend.url)).to.equal(200);
  });

  it("tries with one question when the cool-down is over, and lets nobody wait for what becomes of it", async () => {
    await using backend = await testBackend();
    const { ask, open, called } = setUp({ coolDownMs: 100 });
    backend.hangs();
    await open(backend.url);
    const asked: ReturnType<typeof ask>[] = [];
    await eventually(() => {
      asked.push(ask(backend.url));
      return called();
    }, 4);
    expect(await ask(backend.url)).to.equal("spared");
    backend.says({});
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome !== "spared")).to.deep.equal([200]);
    expect(await Promise.all([ask(backend.url), ask(backend.url)])).to.deep.equal([200, 200]);
  });

  it("opens once more when that one is missed, and is tried again later", async () => {
    await using backend = await testBackend();
    const { ask, miss, open, called } = setUp({ coolDownMs: 1_000 });
    backend.hangs();
    await open(backend.url);
    await eventually(() => miss(backend.url), "missed");
    expect(await ask(backend.url)).to.equal("spared");
    expect(called()).to.equal(4);
    backend.says({});
    await eventually(() => ask(backend.url), 200);
  });

  it("is forgotten where there are too many, the one that was used longest ago first", async () => {
    await using backend = await testBackend();
    const { ask, open } = setUp({ coolDownMs: AN_HOUR, maxCircuits: 2 });
    backend.hangs();
    await open(backend.url);
    backend.says({});
    const asking = (...paths: string[]) => Promise.all(paths.map((path) => ask(`${backend.url}${path}`)));
    expect(await asking("/1", "", "/2", "")).to.deep.equal([200, "spared", 200, "spared"]);
    expect(await asking("/1", "/2", "")).to.deep.equal([200, 200, 200]);
  });
});
