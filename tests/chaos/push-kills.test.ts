import { expect } from "chai";
import { runPushKills } from "./push-scenario.ts";

const SEED = 20_261_127;

describe("killing push-delivery ten times during 20,000 pushes", function chaos() {
  this.timeout(600_000);

  it("reaches every device, a second time only from a chunk in flight at a kill and then under the same collapse id, and its ledger equals the phones", async () => {
    const { inFlight, repeated, ...findings } = await runPushKills({
      name: "chaos-push",
      seed: SEED,
      kills: 10,
      phones: 20_000,
    });
    expect(inFlight).to.have.length(10);
    for (const pushes of inFlight) expect(pushes).to.be.greaterThan(0);
    expect(repeated).to.be.at.most(inFlight.reduce((sum, pushes) => sum + pushes, 0));
    expect(findings).to.deep.equal({
      missed: 0,
      repeatedUnasked: 0,
      shownWrong: 0,
      ledgerWrong: [],
      left: {},
      deadLetters: {},
    });
  });

  it("would notice a build that sends before it claims", async () => {
    const findings = await runPushKills({
      name: "chaos-push-unclaimed",
      seed: SEED,
      kills: 1,
      phones: 2_000,
      main: { "push-delivery": new URL("./planted/send-before-claim.ts", import.meta.url) },
    });
    expect(findings.repeatedUnasked).to.be.greaterThan(0);
  });

  it("would notice a build that settles before it sends", async () => {
    const findings = await runPushKills({
      name: "chaos-push-settled",
      seed: SEED,
      kills: 1,
      phones: 2_000,
      main: { "push-delivery": new URL("./planted/settle-before-send.ts", import.meta.url) },
    });
    expect(findings.missed).to.be.greaterThan(0);
    expect(findings.ledgerWrong).to.have.length(1);
  });
});
