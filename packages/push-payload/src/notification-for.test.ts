import { expect } from "chai";
import { notificationFor } from "./notification-for.ts";

describe("notificationFor", () => {
  const notification = {
    text: "for all",
    sound: "chime.aiff",
    recipients: { ann: { text: "for Ann" }, bob: { title: "Bob" } },
  };

  it("lets an override inherit what it leaves out", () => {
    expect(notificationFor(notification, "ann")).to.deep.equal({ text: "for Ann", sound: "chime.aiff" });
    expect(notificationFor(notification, "bob")).to.deep.equal({ text: "for all", sound: "chime.aiff", title: "Bob" });
  });

  it("says to everybody else what is for all, and nobody's override to anybody", () => {
    for (const userId of ["cid", "constructor", "__proto__"]) {
      expect(notificationFor(notification, userId)).to.deep.equal({ text: "for all", sound: "chime.aiff" });
    }
  });
});
