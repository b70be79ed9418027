import { expect } from "chai";
import * as fc from "fast-check";
import {
  announcementsBehind,
  compareSearchPlaces,
  formatSearchPlace,
  messagesBehind,
  parseSearchPlace,
  type SearchPlace,
} from "./search-place.ts";

const at = fc.nat(3);
const places: fc.Arbitrary<SearchPlace> = fc.oneof(
  fc.record({
    type: fc.constant("announcement" as const),
    at,
    announcementId: fc.option(fc.uuid({ version: 4 })),
  }),
  fc.record({
    type: fc.constant("message" as const),
    at,
    position: fc.nat(3),
    messageId: fc.oneof(fc.constant(""), fc.uuid({ version: 4 })),
  }),
);

/** Where a search of one kind goes on behind a place, as a place of its own. */
function startOf(place: SearchPlace, type: SearchPlace["type"]): SearchPlace {
  const announcement = announcementsBehind(place);
  const message = messagesBehind(place);
  if (announcement === null || message === null) throw new Error("it starts at the top");
  return type === "announcement" ? { type, ...announcement } : { type: "message", ...message };
}

describe("a place among what was found", () => {
  it("is read as it is written, and nothing else is read", () => {
    fc.assert(
      fc.property(places, (one) => {
        expect(parseSearchPlace(formatSearchPlace(one))).to.deep.equal(one);
      }),
    );
    for (const text of [
      "",
      "a",
      "a.1",
      "a.x.",
      "a.1.x",
      "m.1.2",
      "m.1.-2.",
      "m.1.2.x",
      "m.99999999999999999.1.",
      "b.1.",
    ]) {
      expect(parseSearchPlace(text), text).to.equal(null);
    }
  });

  it("has an order in which whatever is behind it is behind it in both lists", () => {
    fc.assert(
      fc.property(places, places, (one, other) => {
        const isBehind = compareSearchPlaces(one, other) < 0;
        expect(compareSearchPlaces(startOf(one, other.type), other) < 0).to.equal(isBehind);
      }),
    );
  });

  it("sorts newest first, announcements before messages of the same moment", () => {
    const sorted = ["a.5.", "m.5.2.", "m.5.1.", "a.4.", "m.4.9."].flatMap((text) => parseSearchPlace(text) ?? []);
    expect(sorted).to.have.lengthOf(5);
    expect(sorted.toReversed().toSorted(compareSearchPlaces)).to.deep.equal(sorted);
  });
});
