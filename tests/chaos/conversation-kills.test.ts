import { expect } from "chai";
import { runConversationKills } from "./conversation-scenario.ts";

const SEED = 20_261_126;

describe("killing conversation while twenty writers send", function chaos() {
  this.timeout(600_000);

  it("keeps every accepted message once, positions without a gap, each writer's order, and unread counts equal to a recount", async () => {
    const findings = await runConversationKills({
      name: "chaos-conversation",
      seed: SEED,
      kills: 6,
      writers: 20,
      conversations: 3,
    });
    expect(findings.kills).to.have.length(6);
    for (const kill of findings.kills) expect(kill.unacked).to.be.greaterThan(0);
    expect(findings.accepted).to.be.greaterThan(200);
    expect(findings.read).to.be.greaterThan(20);
    const { kills: _, accepted: __, read: ___, ...rest } = findings;
    expect(rest).to.deep.equal({
      missing: 0,
      foreign: 0,
      gaps: [],
      outOfOrder: 0,
      unreadWrong: [],
      deadLetters: {},
    });
  });

  it("would notice a build that says sent before it writes", async () => {
    const findings = await runConversationKills({
      name: "chaos-conversation-planted",
      seed: SEED,
      kills: 2,
      writers: 20,
      conversations: 3,
      main: { conversation: new URL("./planted/reply-before-write.ts", import.meta.url) },
    });
    expect(findings.missing).to.be.greaterThan(0);
  });
});
