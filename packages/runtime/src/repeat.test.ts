import { eventually } from "@strata/testing";
import { expect } from "chai";
import { silentLogger } from "./logger.ts";
import { repeat } from "./repeat.ts";

describe("repeat", () => {
  it("does the work again and again, also after it failed, never twice at once", async () => {
    let runs = 0;
    let running = 0;
    let mostAtOnce = 0;
    const repeated = repeat(
      1,
      async () => {
        runs += 1;
        running += 1;
        mostAtOnce = Math.max(mostAtOnce, running);
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
        running -= 1;
        if (runs === 1) throw new Error("the first time");
      },
      silentLogger,
    );
    await eventually(
      () => runs,
      (count) => count > 3,
    );
    await repeated.close();
    expect(mostAtOnce).to.equal(1);
  });

  it("closes once the work under way is done, and does not begin again", async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    let runs = 0;
    const repeated = repeat(
      1,
      async () => {
        runs += 1;
        begun.resolve();
        await end.promise;
      },
      silentLogger,
    );
    await begun.promise;
    let isClosed = false;
    const closing = repeated.close().then(() => (isClosed = true));
    await Promise.resolve();
    expect(isClosed).to.equal(false);
    end.resolve();
    await closing;
    expect(runs).to.equal(1);
  });
});
