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

  it("counts a request out once, however often it is said", () => {
    const inFlight = inFlightLimit(1);
    const leave = inFlight.enter("a");
    leave();
    inFlight.enter("a");
    leave();
    expect(() => inFlight.enter("a")).to.throw();
  });
});
