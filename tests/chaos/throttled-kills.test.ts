import type { ServiceName } from "@strata/tests-platform";
import { expect } from "chai";
import { runThrottledKills } from "./throttled-scenario.ts";

const SEED = 20_261_126;
const times = (count: number, service: ServiceName): ServiceName[] => Array.from({ length: count }, () => service);

/** What looks at it afterwards is the checker of kills.test.ts, which shows there that it notices a build with a fault. */
describe("killing workers thirty times during one throttled announcement to 100,000", function chaos() {
  this.timeout(600_000);

  it("leaves every recipient with exactly one inbox entry, whatever was paused and resumed, and counts equal to the rows", async () => {
    const {
      pauses,
      phonesShown: _,
      ...findings
    } = await runThrottledKills({
      name: "chaos-throttled",
      seed: SEED,
      victims: [
        ...times(12, "announcement-fanout"),
        ...times(6, "directory"),
        ...times(6, "receipt-tracking"),
        ...times(6, "push-delivery"),
      ],
      recipients: 100_000,
      phoneEvery: 50,
      perMinute: 150_000,
    });
    expect(pauses).to.equal(5);
    expect(findings).to.deep.equal({
      accepted: 1,
      entriesExpected: 100_000,
      entriesFound: 100_000,
      entriesTwice: 0,
      countsWrong: [],
      shownTwice: 0,
      deadLetters: {},
    });
  });
});
