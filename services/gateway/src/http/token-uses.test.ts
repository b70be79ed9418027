import { RecordTokenUses } from "@strata/contracts";
import { recordingPublisher } from "@strata/messaging/testing";
import { expect } from "chai";
import { tokenUses } from "./token-uses.ts";

const use = (tokenId: string, accountId = "a") => ({ tokenId, accountId });

describe("tokenUses", () => {
  it("reports the latest use of each token once, a thousand at a time", async () => {
    const { publisher, commands } = recordingPublisher();
    let now = 1;
    const uses = tokenUses(publisher, () => now);
    for (let n = 0; n < 1_500; n += 1) uses.note(use(`t${n}`));
    now = 2;
    uses.note(use("t0"));
    await uses.report();
    await uses.report();
    const reported = commands.map(({ payload }) => RecordTokenUses.payload.parse(payload).uses);
    expect(reported.map(({ length }) => length)).to.deep.equal([1_000, 500]);
    expect(reported.flat().find(({ tokenId }) => tokenId === "t0")).to.deep.equal({ ...use("t0"), at: 2 });
  });

  it("keeps what could not be reported, unless there is later, and of ten thousand tokens at most", async () => {
    const failing = recordingPublisher({ failing: true });
    const { publisher, commands } = recordingPublisher();
    let now = 1;
    let isAway = true;
    const broker: typeof publisher = {
      ...publisher,
      send: (...args) => (isAway ? failing.publisher.send(...args) : publisher.send(...args)),
    };
    const uses = tokenUses(broker, () => now);
    for (let n = 0; n < 10_500; n += 1) uses.note(use(`t${n}`));
    const failure = await uses.report().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    now = 3;
    uses.note(use("t1"));
    isAway = false;
    await uses.report();
    const reported = commands.flatMap(({ payload }) => RecordTokenUses.payload.parse(payload).uses);
    expect(reported).to.have.lengthOf(10_000);
    expect(reported.find(({ tokenId }) => tokenId === "t1")?.at).to.equal(3);
    expect(reported.find(({ tokenId }) => tokenId === "t2")?.at).to.equal(1);
  });
});
