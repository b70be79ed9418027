import { MessageDelayed } from "@strata/contracts";
import { ack } from "@strata/messaging";
import { silentLogger } from "@strata/runtime";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDraft } from "../../test/messages.ts";
import { aConversationId, aDelivery, recordingPublisher } from "../../test/support.ts";
import { tellDelays } from "./tell-delays.ts";

const SLOW_MS = 50;
const NOW = 1_790_000_000_000;

function setUp(options: { readonly failing?: boolean } = {}) {
  let at = NOW;
  const { events, publisher } = recordingPublisher(options);
  const deps = { publisher, log: silentLogger, now: () => at, slowMs: SLOW_MS };
  const handle = tellDelays(deps, async (deliveries) => deliveries.map(() => ack));
  const told = () => events.map(({ payload }) => MessageDelayed.payload.parse(payload));
  return { handle, events, told, pass: (ms: number) => (at += ms) };
}

describe("tellDelays", () => {
  const app = anAppId();
  const sent = (agoMs: number, envelope: object = {}) =>
    aDelivery(aDraft(aConversationId()), { app, sentAt: new Date(NOW - agoMs), ...envelope });

  it("tells of the one that waited longest, and gives the outcomes on", async () => {
    const { handle, events, told } = setUp();
    expect(await handle([sent(60), sent(180), sent(10)])).to.deep.equal([ack, ack, ack]);
    expect(told()).to.deep.equal([{ waitedMs: 180, at: NOW }]);
    expect(events[0]).to.include({ type: MessageDelayed.type, app });
  });

  it("says nothing while messages are as fast as they should be", async () => {
    const { handle, told } = setUp();
    await handle([sent(0), sent(SLOW_MS)]);
    expect(told()).to.deep.equal([]);
  });

  it("tells a few times a second at most", async () => {
    const { handle, told, pass } = setUp();
    await handle([sent(100)]);
    await handle([sent(100)]);
    pass(249);
    await handle([sent(100)]);
    expect(told()).to.have.length(1);
    pass(1);
    await handle([sent(100)]);
    expect(told()).to.have.length(2);
  });

  it("does not count what comes again: it waited for something else", async () => {
    const { handle, told } = setUp();
    await handle([sent(900, { isRedelivered: true }), sent(900, { attempt: 1 })]);
    expect(told()).to.deep.equal([]);
  });

  it("answers as ever when it cannot be told", async () => {
    const { handle } = setUp({ failing: true });
    expect(await handle([sent(100)])).to.deep.equal([ack]);
  });
});
