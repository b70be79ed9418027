import { expect } from "chai";
import { VERSIONS } from "@strata/layer-protocol";
import { noContent, type GuardedRoute } from "./route.ts";
import { isServedIn, notServed } from "./served-versions.ts";

const aRoute = (method: GuardedRoute["method"], versions?: GuardedRoute["versions"]): GuardedRoute => ({
  method,
  path: "/apps/:app/users/:user/blocks",
  access: "app:read",
  operation: { responses: {} },
  ...(versions ? { versions } : {}),
  handle: async () => noContent,
});

describe("the versions of a route", () => {
  it("are all where it names none", () => {
    expect(VERSIONS.every((version) => isServedIn(aRoute("get"), version))).to.equal(true);
    expect(isServedIn(aRoute("post", ["1.0", "1.1"]), "1.1")).to.equal(true);
    expect(isServedIn(aRoute("post", ["1.0", "1.1"]), "2.0")).to.equal(false);
  });

  it("decide which methods Allow lists", () => {
    const routes = [aRoute("get"), aRoute("post", ["1.0", "1.1"])];
    expect(notServed(routes, "1.0").headers).to.deep.equal({ Allow: "GET, POST" });
    expect(notServed(routes, "3.0").headers).to.deep.equal({ Allow: "GET" });
    expect(notServed(routes, null)).to.deep.include({ status: 405, headers: { Allow: "GET, POST" } });
  });

  it("make a path that a version does not know at all no endpoint there", () => {
    const routes = [aRoute("get", ["2.0", "3.0"])];
    expect(notServed(routes, "1.1")).to.include({ id: "invalid_endpoint", status: 404 });
    const gone = [{ ...aRoute("delete", ["1.0", "1.1"]), allowElsewhere: ["get"] as const }];
    expect(notServed(gone, "3.0")).to.deep.include({ status: 405, headers: { Allow: "GET" } });
    expect(notServed(routes, "2.0").headers).to.deep.equal({ Allow: "GET" });
  });
});
