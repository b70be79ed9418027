import { payloadFaults } from "@strata/push-payload";
import { expect } from "chai";
import * as fc from "fast-check";
import { shortenNotification } from "./shorten-notification.ts";

const fits = (notification: Parameters<typeof shortenNotification>[0]): boolean =>
  [...payloadFaults("message", notification, "x".repeat(128))].every((fault) => fault === null);

describe("shortenNotification", () => {
  it("leaves alone what can be pushed", () => {
    const notification = { title: "Ann", text: "ä".repeat(1_000), sound: "ping.aiff", data: { a: 1 } };
    expect(shortenNotification(notification)).to.deep.equal(notification);
    expect(shortenNotification({})).to.deep.equal({});
  });

  it("cuts a text where its letters end, and says so", () => {
    const family = "👨‍👩‍👧‍👦";
    const { text = "" } = shortenNotification({ text: family.repeat(500) });
    expect(text).to.match(/^(👨‍👩‍👧‍👦)+…$/u);
    expect(Buffer.byteLength(text)).to.be.within(1_970, 2_000);
  });

  it("cuts overrides, too", () => {
    const { recipients } = shortenNotification({ recipients: { bob: { text: "x".repeat(5_000), sound: "a" } } });
    expect(recipients?.["bob"]).to.deep.equal({ text: `${"x".repeat(1_997)}…`, sound: "a" });
  });

  it("makes every title and text fit, whatever letters they are of", () => {
    const long = fc.string({ unit: "binary", minLength: 4_000, maxLength: 9_000, size: "max" });
    fc.assert(
      fc.property(long, long, (title, text) => {
        expect(fits({ title, text })).to.equal(false);
        const cut = shortenNotification({ title, text, recipients: { bob: { text } } });
        expect(fits(cut)).to.equal(true);
      }),
      { numRuns: 30 },
    );
  });
});
