import { once } from "node:events";
import { createServer } from "node:net";
import { expect } from "chai";
import { expectFree, portBase, portsFrom } from "./ports.mjs";
import { ownPorts } from "./services.mjs";

const kinds = ["start", "test", "bench", "stack"] as const;

describe("ports", () => {
  it("never gives one port to two things, in whatever way one checkout is used at once", () => {
    const all = kinds.flatMap((kind) => {
      const ports = portsFrom(portBase(kind, {}));
      return [...new Set([...Object.values(ports), ...ownPorts(ports)])];
    });

    expect(new Set(all).size).to.equal(all.length);
  });

  it("moves everything with STRATA_PORT_BASE, so that two checkouts can run at once", () => {
    const ports = kinds.map((kind) => portBase(kind, { STRATA_PORT_BASE: "8400" }));

    expect(ports).to.deep.equal([8400, 8500, 8600, 8700]);
  });

  for (const text of ["", "80", "many", "7400.5", "70000"]) {
    it(`refuses the base "${text}" and names the variable`, () => {
      expect(() => portBase("start", { STRATA_PORT_BASE: text })).to.throw(/STRATA_PORT_BASE/);
    });
  }

  it("names the busy port and the variable that moves it", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const busy = typeof address === "object" && address !== null ? address.port : 0;

    const message = await expectFree([busy]).catch(String);
    other.close();

    expect(message).to.include(String(busy)).and.include("STRATA_PORT_BASE");
  });
});
