import type { ServiceName } from "@strata/tests-platform";
import { expect } from "chai";
import { runKills } from "./kill-scenario.ts";

const SEED = 20_261_123;
const times = (count: number, service: ServiceName): ServiceName[] => Array.from({ length: count }, () => service);

describe("killing services while 20,000 recipients are under way", function chaos() {
  this.timeout(600_000);

  it("leaves every recipient with exactly one inbox entry, totals equal to the rows, and nothing dead-lettered", async () => {
    const victims = [
      ...times(3, "directory"),
      ...times(3, "announcement-fanout"),
      ...times(3, "receipt-tracking"),
      ...times(3, "push-delivery"),
    ];
    const findings = await runKills({
      name: "chaos-kills",
      seed: SEED,
      victims,
      recipients: 20_000 - (20_000 % victims.length),
      phoneEvery: 8,
      settleMs: 4_000,
    });
    expect(findings.kills).to.have.length(12);
    for (const kill of findings.kills) expect(kill.unacked, kill.service).to.be.greaterThan(0);
    const { kills: _, phonesShown: __, ...rest } = findings;
    expect(rest).to.deep.equal({
      accepted: 12,
      entriesExpected: 19_992,
      entriesFound: 19_992,
      entriesTwice: 0,
      countsWrong: [],
      shownTwice: 0,
      deadLetters: {},
    });
  });

  it("would notice a build that acknowledges before it writes", async () => {
    const findings = await runKills({
      name: "chaos-planted",
      seed: SEED,
      victims: times(3, "announcement-fanout"),
      recipients: 6_000,
      phoneEvery: 200,
      main: { "announcement-fanout": new URL("./planted/ack-before-write.ts", import.meta.url) },
      settleMs: 2_000,
    });
    expect(findings.entriesFound).to.be.lessThan(findings.entriesExpected);
  });
});
