import { once } from "node:events";
import { createServer } from "node:net";
import type { Phone } from "@strata/phone";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { apnsOptions, aPhone, fcmOptions, kindsOf, pushesOf, receivedHistogram } from "../../test/provider-fixture.ts";
import { openApnsProvider } from "./apns-provider.ts";
import { openFcmProvider } from "./fcm-provider.ts";
import { LaneState } from "./lane-state.ts";
import type { PushProvider } from "./push-provider.ts";

const PROVIDERS = [
  ["fcm", "PERMISSION_DENIED", (phone: Phone, lane: LaneState) => openFcmProvider(fcmOptions(phone, { lane }))],
  ["apns", "InvalidProviderToken", (phone: Phone, lane: LaneState) => openApnsProvider(apnsOptions(phone, { lane }))],
] as const;

for (const [protocol, reason, open] of PROVIDERS) {
  describe(`a refused ${protocol} credential`, () => {
    let phone: Phone;
    let lane: LaneState;
    let provider: PushProvider;
    beforeEach(async () => {
      phone = await aPhone();
      lane = new LaneState({ refusedForMs: 1_000 });
      provider = open(phone, lane);
    });
    afterEach(async () => {
      await provider.close();
      await phone.close();
    });

    const asked = () => Object.values(phone.stats().answers[protocol] ?? {}).reduce((sum, count) => sum + count, 0);
    const whenOpen = () => eventually(() => lane.blocked(), null);

    it("is tried with one push of a thousand, and when that is taken the others follow, each once", async () => {
      phone.addFault({ protocol, reason });
      expect(kindsOf(await provider.send(pushesOf(300)))).to.deep.equal({ "credential-refused": 300 });
      const first = asked();
      expect(kindsOf(await provider.send(pushesOf(300)))).to.deep.equal({ "credential-refused": 300 });
      expect(asked()).to.equal(first);
      for (const probes of [1, 2]) {
        await whenOpen();
        expect(kindsOf(await provider.send(pushesOf(1_000)))).to.deep.equal({ "credential-refused": 1_000 });
        expect(asked()).to.equal(first + probes);
      }
      phone.removeFaults();
      await whenOpen();
      expect(kindsOf(await provider.send(pushesOf(1_000)))).to.deep.equal({ accepted: 1_000 });
      expect(receivedHistogram(phone, 1_000)).to.deep.equal({ 1: 1_000 });
      expect(asked()).to.equal(first + 2 + 1_000);
    });

    it("is asked beside its closed lane, which hears nothing of it", async () => {
      phone.addFault({ protocol, reason, times: 1 });
      await provider.send(pushesOf(1));
      const [push] = pushesOf(1);
      if (!push) throw new Error("no push");
      expect(await provider.ask(push, { isDryRun: false })).to.deep.include({
        kind: "answered",
        status: 200,
        reason: null,
      });
      expect(lane.blocked()).to.deep.include({ kind: "credential-refused" });
      phone.addFault({ protocol, reason, times: 1 });
      const refused = await provider.ask(push, { isDryRun: false });
      expect(refused).to.include({
        kind: "answered",
        status: 403,
        providerId: protocol === "fcm" ? null : refused.kind === "answered" ? refused.providerId : null,
      });
      expect(refused.kind === "answered" ? refused.reason : "").to.include(reason);
    });
  });
}

describe("a provider that is away", () => {
  it("is dialled by one push of five hundred once its back-off is over", async () => {
    await using phone = await aPhone();
    let dialled = 0;
    const nobody = createServer((socket) => {
      dialled += 1;
      socket.resetAndDestroy();
    }).listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const address = nobody.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const lane = new LaneState({ random: () => 0 });
    const provider = openFcmProvider(fcmOptions(phone, { lane, url: `https://localhost:${address.port}` }));
    expect(kindsOf(await provider.send(pushesOf(500)))).to.deep.equal({ unavailable: 500 });
    const first = dialled;
    expect(kindsOf(await provider.send(pushesOf(500)))).to.deep.equal({ unavailable: 500 });
    expect(dialled).to.equal(first);
    await eventually(() => lane.blocked(), null);
    expect(kindsOf(await provider.send(pushesOf(500)))).to.deep.equal({ unavailable: 500 });
    expect(dialled).to.equal(first + 1);
    expect(lane.seen).to.include({ state: "paused" });
    await provider.close();
    nobody.close();
  });
});
