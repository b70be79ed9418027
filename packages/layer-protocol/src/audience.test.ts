import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parseAudienceFilter } from "./audience.ts";
import { audienceFilterView } from "./audience-views.ts";

const parse = (filter: unknown) => parseAudienceFilter(filter, "audience.filter");
const refused = (filter: unknown) => refusal(() => parse(filter));
const gold = { field: "metadata.tier", eq: "gold" };
const circle = { latitude: 48.2, longitude: 16.37, radius_meters: 500 };
const nested = (depth: number): unknown => (depth === 1 ? gold : { not: nested(depth - 1) });

describe("parseAudienceFilter", () => {
  it("reads every form, and writes it back as it was", () => {
    const wire = {
      and: [
        gold,
        {
          or: [
            { field: "display_name", starts_with: "A" },
            { field: "user_id", in: ["a", "b"] },
          ],
        },
        { not: { field: "phone_number", exists: false } },
        { field: "app_version", lt: "10.2" },
        { field: "platform", ne: "web" },
        { field: "last_seen_at", gt: "now-7d" },
        { field: "created_at", gt: "2026-01-02T03:04:05.000Z" },
        { within: { circle }, max_age_seconds: 600 },
        { within: { polygon: [1, 2, 3].map((n) => ({ latitude: n, longitude: n * n })) } },
      ],
    };
    const filter = parse(wire);
    expect(audienceFilterView(filter)).to.deep.equal(wire);
    expect(filter).to.deep.nested.include({
      "and[1].or[0]": { field: "display_name", startsWith: "A" },
      "and[6]": { field: "created_at", gt: Date.parse("2026-01-02T03:04:05Z") },
      "and[7]": {
        within: { circle: { latitude: 48.2, longitude: 16.37, radiusMeters: 500 } },
        maxAgeSeconds: 600,
      },
    });
  });

  it("takes keys of metadata and values as they are", () => {
    for (const filter of [
      { field: "metadata.$where", eq: "1" },
      { field: "metadata.a.b", eq: "$ne" },
      { field: "metadata.__proto__", ne: "" },
    ]) {
      expect(parse(filter)).to.deep.equal(filter);
    }
  });

  const cases: readonly (readonly [string, unknown, string])[] = [
    ["no object", "gold", "audience.filter"],
    ["an array", [gold], "audience.filter"],
    ["nothing in it", {}, "audience.filter"],
    ["two forms in one", { and: [gold], or: [gold] }, "audience.filter"],
    ["a stranger beside a form", { and: [gold], since: 1 }, "audience.filter.since"],
    ["an empty and", { and: [] }, "audience.filter.and"],
    ["an or that is no array", { or: gold }, "audience.filter.or"],
    ["a bad one deep inside", { and: [gold, { not: { or: [gold, 7] } }] }, "audience.filter.and[1].not.or[1]"],
    ["an unknown field", { field: "shoe_size", eq: "1" }, "audience.filter.field"],
    ["a field that is no string", { field: 1, eq: "1" }, "audience.filter.field"],
    ["metadata without a key", { field: "metadata.", eq: "1" }, "audience.filter.field"],
    ["a key that cannot be stored", { field: "metadata.a\0", eq: "1" }, "audience.filter.field"],
    ["an unknown operator", { field: "user_id", like: "a" }, "audience.filter.like"],
    ["an operator of the database", { field: "user_id", $gt: "" }, "audience.filter.$gt"],
    ["no operator", { field: "user_id" }, "audience.filter"],
    ["two operators", { field: "user_id", gt: "a", lt: "b" }, "audience.filter"],
    ["an object for a value", { and: [{ field: "user_id", eq: { $gt: "" } }] }, "audience.filter.and[0].eq"],
    ["a number for a text", { field: "metadata.age", gt: 18 }, "audience.filter.gt"],
    ["null for a value", { field: "metadata.age", eq: null }, "audience.filter.eq"],
    ["a text that is not Unicode", { field: "user_id", eq: "\ud800" }, "audience.filter.eq"],
    ["a text without end", { field: "user_id", eq: "x".repeat(1_025) }, "audience.filter.eq"],
    ["exists with a text", { field: "user_id", exists: "yes" }, "audience.filter.exists"],
    ["in without values", { field: "user_id", in: [] }, "audience.filter.in"],
    ["in with a bad value", { field: "user_id", in: ["a", 1] }, "audience.filter.in[1]"],
    ["in with too many", { field: "user_id", in: Array.from({ length: 1_001 }, () => "a") }, "audience.filter.in"],
    ["an empty prefix", { field: "user_id", starts_with: "" }, "audience.filter.starts_with"],
    ["a prefix of a time", { field: "created_at", starts_with: "2026" }, "audience.filter.starts_with"],
    ["a prefix of a version", { field: "app_version", starts_with: "1" }, "audience.filter.starts_with"],
    ["a time that is none", { field: "created_at", gt: "yesterday" }, "audience.filter.gt"],
    ["a time as a number", { field: "created_at", gt: 1_790_000_000_000 }, "audience.filter.gt"],
    ["a day that is none", { field: "created_at", gt: "2026-13-01" }, "audience.filter.gt"],
    ["a time to come", { field: "created_at", gt: "now+7d" }, "audience.filter.gt"],
    ["a version that is none", { field: "app_version", gt: "latest" }, "audience.filter.gt"],
    ["a platform that is none", { field: "platform", eq: "ipad" }, "audience.filter.eq"],
    ["neither circle nor polygon", { within: {} }, "audience.filter.within"],
    ["both", { within: { circle, polygon: [] } }, "audience.filter.within"],
    [
      "latitude beyond the pole",
      { within: { circle: { ...circle, latitude: 91 } } },
      "audience.filter.within.circle.latitude",
    ],
    [
      "longitude beyond",
      { within: { circle: { ...circle, longitude: -181 } } },
      "audience.filter.within.circle.longitude",
    ],
    [
      "no radius",
      { within: { circle: { ...circle, radius_meters: 0 } } },
      "audience.filter.within.circle.radius_meters",
    ],
    [
      "two corners",
      { within: { polygon: [circle, circle, { ...circle, latitude: 1 }] } },
      "audience.filter.within.polygon",
    ],
    [
      "a corner that is none",
      {
        within: {
          polygon: [
            { latitude: 1, longitude: 1 },
            { latitude: "1", longitude: 2 },
          ],
        },
      },
      "audience.filter.within.polygon[1].latitude",
    ],
    ["an age of nothing", { within: { circle }, max_age_seconds: 0 }, "audience.filter.max_age_seconds"],
  ];
  for (const [name, filter, path] of cases) {
    it(`refuses ${name}, and says where`, () => {
      expect(refused(filter)).to.equal(`invalid_property ${path}`);
    });
  }

  it("names what is missing of a place", () => {
    expect(refused({ within: { circle: { latitude: 1, longitude: 1 } } })).to.equal(
      "missing_property audience.filter.within.circle.radius_meters",
    );
  });

  it("is nested 8 deep and no deeper, and has 50 conditions and no more", () => {
    expect(() => parse(nested(8))).not.to.throw();
    expect(refused(nested(9))).to.equal(`invalid_property audience.filter${".not".repeat(8)}`);
    expect(() => parse({ and: Array.from({ length: 50 }, () => gold) })).not.to.throw();
    expect(refused({ and: Array.from({ length: 51 }, () => gold) })).to.equal("invalid_property audience.filter");
  });
});
