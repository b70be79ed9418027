import { expect } from "chai";
import { inFlightLimit } from "./in-flight.ts";

describe("inFlightLimit", () => {
  it("refuses an app above its limit, and no other", () => {
    const inFlight = inFlightLimit(2);
    inFlight.enter("a");
    const leave = inFlight.enter("a");
    expect(() => inFlight.enter("a"))
      .to.throw()
      .that.deep.includes({ status: 429, headers: { "Retry-After": "1" } });
    inFlight.enter("b");
    leave();
    inFlight.enter("a");
  });

  it("refuses one of the many of an owner above its own limit, and leaves the owner's other places to the others", () => {
    const inFlight = inFlightLimit(3);
    const ann = { key: "ann", max: 2 };
    const leave = inFlight.enter("strangers", ann);
    inFlight.enter("strangers", ann);
    expect(() => inFlight.enter("strangers", ann)).to.throw();
    inFlight.enter("strangers", { key: "bob", max: 2 });
    expect(() => inFlight.enter("strangers", { key: "cid", max: 2 })).to.throw();
    leave();
    inFlight.enter("strangers", ann);
  });

  it("counts a request out once, however often it is said", () => {
    const inFlight = inFlightLimit(1);
    const leave = inFlight.enter("a");
    leave();
    inFlight.enter("a");
    leave();
    expect(() => inFlight.enter("a")).to.throw();
  });
});
