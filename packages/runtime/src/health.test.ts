import { expect } from "chai";
import { createReadiness } from "./health.ts";

describe("createReadiness", () => {
  it("is ready while every condition is met, and names the one that is not", async () => {
    const readiness = createReadiness();
    let isConnected = false;
    readiness.add("broker", () => isConnected);
    readiness.add("store", async () => true);
    expect(await readiness.check()).to.deep.equal({ ready: false, checks: { broker: false, store: true } });
    isConnected = true;
    expect((await readiness.check()).ready).to.equal(true);
  });

  it("takes a condition that throws, or does not answer in time, for not met", async () => {
    const readiness = createReadiness(30);
    readiness.add("throws", () => {
      throw new Error("x");
    });
    readiness.add("rejects", () => Promise.reject(new Error("x")));
    readiness.add("hangs", () => new Promise<boolean>(() => {}));
    const { ready, checks } = await readiness.check();
    expect({ ready, checks }).to.deep.equal({ ready: false, checks: { throws: false, rejects: false, hangs: false } });
  });

  it("is never ready again once shutting down", async () => {
    const readiness = createReadiness();
    readiness.add("broker", () => true);
    readiness.shutDown();
    expect(await readiness.check()).to.deep.equal({ ready: false, checks: { broker: true, not_shutting_down: false } });
  });

  it("refuses a second condition of the same name", () => {
    const readiness = createReadiness();
    readiness.add("broker", () => true);
    expect(() => readiness.add("broker", () => true)).to.throw("broker");
  });
});
