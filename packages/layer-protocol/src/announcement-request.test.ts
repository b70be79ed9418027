import { expect } from "chai";
import * as fc from "fast-check";
import { refusal, refusalOf } from "../test/refusal.ts";
import { VERSIONS, formatUserReference, isUserId, parseAnnouncement, parseRecipients } from "./index.ts";
import type { LayerVersion } from "./index.ts";

const LIMITS = { maxRecipients: 5, maxParts: 3, maxPartBytes: 2048 };
const PARTS = [{ mime_type: "text/plain", body: "hi" }];
const bodyOf1x = { recipients: ["u1", "u2"], sender: { name: "Ops" }, parts: PARTS };
const bodyOf2 = { recipients: ["layer:///identities/u1", "u2"], sender_id: "layer:///identities/bot", parts: PARTS };

const refused = (version: LayerVersion, body: unknown) => refusal(() => parseAnnouncement(version, body, LIMITS));

const refusedFrom = (sender: unknown) => refused("1.1", { ...bodyOf1x, sender });

describe("the body of an announcement", () => {
  for (const version of ["1.0", "1.1"] as const) {
    it(`in ${version} has bare user ids and a sender's name`, () => {
      expect(parseAnnouncement(version, bodyOf1x, LIMITS)).to.deep.equal({
        recipients: ["u1", "u2"],
        sender: { name: "Ops" },
        parts: [{ mimeType: "text/plain", body: "hi", encoding: null }],
        notification: null,
      });
    });
  }

  for (const version of ["2.0", "3.0"] as const) {
    it(`in ${version} has identity ids, or bare ones, and a sender_id`, () => {
      expect(parseAnnouncement(version, bodyOf2, LIMITS)).to.deep.include({
        recipients: ["u1", "u2"],
        sender: { userId: "bot" },
      });
    });
  }

  it("carries its notification", () => {
    const { notification } = parseAnnouncement("1.0", { ...bodyOf1x, notification: { text: "t" } }, LIMITS);
    expect(notification).to.deep.equal({ text: "t" });
  });

  it("must be an object", () => {
    for (const body of [undefined, null, [], "x"]) expect(refused("3.0", body)).to.equal("invalid_request");
  });

  it("names what is missing in the order of the table, before it looks at any value", () => {
    expect(refused("1.0", {})).to.equal("missing_property recipients");
    expect(refused("1.0", { recipients: "everyone" })).to.equal("missing_property sender");
    expect(refused("3.0", { recipients: 7, sender: { name: "x" } })).to.equal("missing_property sender_id");
    expect(refused("1.0", { recipients: 7, sender: 7 })).to.equal("missing_property parts");
    expect(refused("1.0", { recipients: 7, sender: 7, parts: [] })).to.equal("missing_property parts");
    expect(refused("1.0", { recipients: 7, sender: 7, parts: [{}] })).to.equal("missing_property parts.mime_type");
    expect(refused("1.0", { recipients: null, sender: null, parts: null })).to.equal("missing_property recipients");
  });

  it("looks at the values in the order of the table", () => {
    const bad = { recipients: 7, sender: 7, parts: 7, notification: 7 };
    expect(refused("1.0", bad)).to.equal("invalid_property recipients");
    expect(refused("1.0", { ...bad, recipients: ["u"] })).to.equal("invalid_property sender");
    expect(refused("1.0", { ...bad, recipients: ["u"], sender: { name: "x" } })).to.equal("invalid_property parts");
    expect(refused("1.0", { ...bodyOf1x, notification: 7 })).to.equal("invalid_property notification");
  });

  it("in 1.x takes no sender but a name", () => {
    expect(refusedFrom({ user_id: "u" })).to.equal("invalid_property sender");
    expect(refusedFrom({ user_id: "u", name: "Ops" })).to.equal("invalid_property sender");
    expect(refusedFrom({})).to.equal("missing_property sender");
    expect(refusedFrom({ name: "" })).to.equal("invalid_property sender.name");
    expect(refusedFrom({ name: 7 })).to.equal("invalid_property sender.name");
    expect(refusedFrom("Ops")).to.equal("invalid_property sender");
  });

  it("from 2.0 takes no sender_id that can name nobody", () => {
    for (const senderId of ["", 7, "layer:///identities/%zz", "u".repeat(129)]) {
      expect(refused("2.0", { ...bodyOf2, sender_id: senderId })).to.equal("invalid_property sender_id");
    }
  });

  it("holds its parts to the limits given", () => {
    expect(refused("3.0", { ...bodyOf2, parts: [{ mime_type: "a/b", body: "x".repeat(2049) }] })).to.equal(
      "invalid_property parts.body",
    );
    expect(refused("3.0", { ...bodyOf2, parts: [...PARTS, ...PARTS, ...PARTS, ...PARTS] })).to.equal(
      "invalid_property parts",
    );
  });
});

describe("recipients", () => {
  it("keep their order and are named once", () => {
    expect(parseRecipients("3.0", ["b", "layer:///identities/a", "b", "layer:///identities/b", "a"], 5)).to.deep.equal([
      "b",
      "a",
    ]);
  });

  it("survive being written and read in every version", () => {
    const userIds = fc.uniqueArray(
      fc.string({ minLength: 1, maxLength: 20 }).filter((text) => isUserId(text) && !text.startsWith("layer:")),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(userIds, fc.constantFrom(...VERSIONS), (expected, version) => {
        const references = expected.map((userId) => formatUserReference(version, userId));
        expect(parseRecipients(version, references, 20)).to.deep.equal(expected);
      }),
    );
  });

  it("are as many as the limit, and the message says how many were too many", () => {
    expect(parseRecipients("1.0", ["1", "2", "3"], 3)).to.have.length(3);
    const error = refusalOf(() => parseRecipients("1.0", ["1", "2", "3", "4"], 3));
    expect(error.message).to.contain("3").and.to.contain("4");
    expect(error.data).to.deep.equal({ property: "recipients" });
  });

  for (const recipients of ["everyone", "u1", [], {}, [""], ["u", 7], ["u", null], ["u".repeat(129)], [["u"]]]) {
    it(`are not ${JSON.stringify(recipients).slice(0, 40)}`, () => {
      expect(refusal(() => parseRecipients("2.0", recipients, 5))).to.equal("invalid_property recipients");
    });
  }

  it("are read by the hundred thousand in a blink", () => {
    const references = Array.from({ length: 100_000 }, (_, index) => `layer:///identities/user-${index}`);
    const startedAt = performance.now();
    expect(parseRecipients("3.0", references, 100_000)).to.have.length(100_000);
    // Takes 40 ms on the machines we use; the bound is wide so that a busy one does not fail, a quadratic loop does.
    expect(performance.now() - startedAt).to.be.below(1000);
  });
});
