import type { Phone } from "@strata/phone";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import {
  aPhone,
  aPush,
  apnsOptions,
  fcmOptions,
  kindsOf,
  pushesOf,
  receivedHistogram,
  SentStreams,
} from "../../test/provider-fixture.ts";
import { openApnsProvider } from "./apns-provider.ts";
import { openFcmProvider } from "./fcm-provider.ts";

const OPENERS = {
  fcm: (phone: Phone) => openFcmProvider(fcmOptions(phone, { sessions: 1 })),
  apns: (phone: Phone) => openApnsProvider(apnsOptions(phone)),
};

for (const [protocol, open] of Object.entries(OPENERS)) {
  describe(`pushes in flight through ${protocol}`, () => {
    it("are as many as the peer's SETTINGS allow at the moment, while they rise and fall", async () => {
      await using phone = await aPhone({ maxConcurrentStreams: 1 });
      const provider = open(phone);
      // The first answer proves APNs' token; until then it is one stream, whatever SETTINGS say.
      await provider.send([aPush()]);
      phone.reset();
      phone.addFault({ behaviour: "hold" });
      using sent = new SentStreams();
      const inFlight = () => ({ begun: sent.headers.length, open: sent.open, held: phone.stats().requests.held });

      const sending = provider.send(pushesOf(60));
      await eventually(inFlight, { begun: 1, open: 1, held: 1 });
      phone.configure({ maxConcurrentStreams: 5 });
      await eventually(inFlight, { begun: 5, open: 5, held: 5 });
      phone.configure({ maxConcurrentStreams: 2 });
      phone.release(3);
      await eventually(inFlight, { begun: 5, open: 2, held: 2 });
      phone.release(1);
      await eventually(inFlight, { begun: 6, open: 2, held: 2 });
      phone.configure({ maxConcurrentStreams: 20 });
      await eventually(inFlight, { begun: 24, open: 20, held: 20 });

      phone.removeFaults();
      phone.release();
      expect(kindsOf(await sending)).to.deep.equal({ accepted: 60 });
      expect(receivedHistogram(phone, 60)).to.deep.equal({ 1: 60 });
      expect(sent.headers).to.have.lengthOf(60);
      await provider.close();
    });
  });
}
