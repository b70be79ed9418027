import {
  type AudienceCondition,
  type AudienceFilter,
  type AudiencePlace,
  compareUserIds,
  partitionOf,
} from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { openStores } from "../../test/support.ts";
import { versionKey } from "./app-version.ts";
import { areaOf, audienceQuery } from "./audience-query.ts";
import type { UserDocument } from "./user.ts";

const TEXTS = ["", "a", "ab", "b", "ä", "\ud7ff", "\ue000", "🙂", "🙂a", "$gt", "a.b", "\u{10ffff}", "\u{10ffff}x"];
const KEYS = ["tier", "a.b", "$gt", "a", "0", "$", "."];
const VERSIONS = ["9.9", "10.2", "10.2.0", "10.2-beta", "unknown"];
const PLATFORMS = ["ios", "android", "web"];
const text = fc.constantFrom(...TEXTS);
/** Away from every edge of an area below. */
const degree = fc.integer({ min: 0, max: 9 }).map((n) => n / 10);

const aUser = fc.record(
  {
    displayName: text,
    firstName: fc.option(text),
    metadata: fc.dictionary(fc.constantFrom(...KEYS), text, { maxKeys: 4 }),
    lastSeenAt: fc.integer({ min: 0, max: 5 }),
    timeZone: text,
    devices: fc.array(
      fc.record({ platform: fc.constantFrom(...PLATFORMS), appVersion: fc.constantFrom(...VERSIONS) }),
      {
        maxLength: 2,
      },
    ),
    location: fc.record({ latitude: degree, longitude: degree, at: fc.integer({ min: 0, max: 5 }) }),
  },
  { requiredKeys: [] },
);

const ofText = fc.constantFrom(
  "display_name" as const,
  "first_name" as const,
  "time_zone" as const,
  ...KEYS.map((key) => `metadata.${key}` as const),
);
const claim = (field: fc.Arbitrary<AudienceCondition["field"]>, value: fc.Arbitrary<string | number>) =>
  fc.oneof(
    fc.record({ field, eq: value }),
    fc.record({ field, ne: value }),
    fc.record({ field, in: fc.array(value, { minLength: 1, maxLength: 3 }) }),
    fc.record({ field, exists: fc.boolean() }),
    fc.record({ field, gt: value }),
    fc.record({ field, lt: value }),
  );
const someCondition: fc.Arbitrary<AudienceFilter> = fc.oneof(
  claim(ofText, text),
  fc.record({ field: ofText, startsWith: text.filter((prefix) => prefix !== "") }),
  claim(fc.constant("last_seen_at"), fc.integer({ min: 0, max: 5 })),
  claim(fc.constant("platform"), fc.constantFrom(...PLATFORMS)),
  claim(fc.constant("app_version"), fc.constantFrom(...VERSIONS)),
);
const corner = (latitude: number, longitude: number) => ({ latitude, longitude });
const withSince = ({ within }: AudiencePlace, from: number | undefined): AudienceFilter =>
  from === undefined ? { within } : { within, since: from };
const edge = degree.map((n) => n + 0.05);
const since = fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined });
const box = fc
  .tuple(edge, edge, edge, edge, since)
  .filter(([south, north, west, east]) => south < north && west < east)
  .map(([south, north, west, east, from]): AudienceFilter => {
    const polygon = [corner(south, west), corner(south, east), corner(north, east), corner(north, west)];
    return withSince({ within: { polygon } }, from);
  });
const circle = fc.tuple(degree, degree, since).map(([latitude, longitude, from]) =>
  // A tenth of a degree is 11.1 km, the diagonal 15.7.
  withSince({ within: { circle: { latitude, longitude, radiusMeters: 13_000 } } }, from),
);
const { filter: filters } = fc.letrec<{ filter: AudienceFilter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    someCondition,
    box,
    circle,
    fc.record({ not: tie("filter") }),
    fc.record({ and: fc.array(tie("filter"), { minLength: 1, maxLength: 4 }) }),
    fc.record({ or: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }) }),
  ),
}));

/** A user as she is stored. */
function rowOf(
  app: string,
  index: number,
  facts: typeof aUser extends fc.Arbitrary<infer T> ? T : never,
): UserDocument {
  const userId = `user-${index}`;
  const { location, devices, ...fields } = facts;
  return {
    _id: `${app}/${userId}`,
    app,
    userId,
    partition: partitionOf(userId),
    createdAt: 1,
    version: 1,
    ...fields,
    ...(location && {
      location: { point: { type: "Point", coordinates: [location.longitude, location.latitude] }, at: location.at },
    }),
    ...(devices && {
      devices: devices.map(({ platform, appVersion }, n) => ({
        deviceId: String(n),
        platform,
        appVersion,
        versionKey: versionKey(appVersion),
        locale: null,
        timeZone: null,
        registeredAt: 1,
      })),
    }),
  };
}

type Value = string | number | null | undefined;

/** What a filter means, said in the plainest way. */
function means(filter: AudienceFilter, user: UserDocument): boolean {
  if ("or" in filter) return filter.or.some((one) => means(one, user));
  if ("not" in filter) return !means(filter.not, user);
  if ("within" in filter) return isWithin(filter, user);
  if ("and" in filter) {
    // Claims about devices beside each other are about one device.
    const ofOneDevice = filter.and.filter(isClaimOfDevice);
    return (
      filter.and.every((one) => means(one, user)) &&
      (ofOneDevice.length === 0 ||
        devicesOf(user).some((device) => ofOneDevice.every((one) => holds(one, device(one)))))
    );
  }
  if (filter.field !== "platform" && filter.field !== "app_version") return holds(filter, valueOf(filter.field, user));
  if ("ne" in filter) return !means({ field: filter.field, eq: filter.ne }, user);
  if ("exists" in filter && !filter.exists) return !means({ field: filter.field, exists: true }, user);
  return devicesOf(user).some((device) => holds(filter, device(filter)));
}

const isClaimOfDevice = (filter: AudienceFilter): filter is AudienceCondition =>
  "field" in filter &&
  (filter.field === "platform" || filter.field === "app_version") &&
  !("ne" in filter) &&
  !("exists" in filter && !filter.exists);

const devicesOf = ({ devices = [] }: UserDocument) =>
  devices.map(
    (device) =>
      ({ field }: AudienceCondition): Value =>
        field === "platform" ? device.platform : device.versionKey,
  );

function valueOf(field: string, user: UserDocument): Value {
  if (field.startsWith("metadata."))
    return Object.entries(user.metadata ?? {}).find(([key]) => `metadata.${key}` === field)?.[1];
  const { displayName, firstName, timeZone, lastSeenAt } = user;
  const values: Record<string, Value> = {
    display_name: displayName,
    first_name: firstName,
    time_zone: timeZone,
    last_seen_at: lastSeenAt,
  };
  return values[field];
}

function holds(condition: AudienceCondition, value: Value): boolean {
  const given = (wanted: string | number): Value =>
    condition.field === "app_version" ? versionKey(String(wanted)) : wanted;
  const isThere = value !== undefined && value !== null;
  if ("exists" in condition) return condition.exists === isThere;
  if ("ne" in condition) return !isThere || value !== given(condition.ne);
  if (!isThere) return false;
  if ("eq" in condition) return value === given(condition.eq);
  if ("in" in condition) return condition.in.some((wanted) => given(wanted) === value);
  if ("startsWith" in condition) return String(value).startsWith(condition.startsWith);
  const [wanted, sign] = "gt" in condition ? [given(condition.gt), 1] : [given(condition.lt), -1];
  if (wanted === null || wanted === undefined) return false;
  const order = typeof value === "number" ? value - Number(wanted) : Math.sign(compareUserIds(value, String(wanted)));
  return order * sign > 0;
}

const isBetween = (n: number, all: readonly number[]) => n > Math.min(...all) && n < Math.max(...all);

function isWithin(
  { within, since: from = 0 }: Extract<AudienceFilter, { within: unknown }>,
  { location }: UserDocument,
) {
  if (!location || location.at < from) return false;
  const [longitude, latitude] = location.point.coordinates;
  if ("circle" in within) {
    const radians = Math.PI / 180;
    const half = (a: number, b: number) => Math.sin(((b - a) * radians) / 2) ** 2;
    const { circle: centre } = within;
    const h =
      half(centre.latitude, latitude) +
      Math.cos(centre.latitude * radians) * Math.cos(latitude * radians) * half(centre.longitude, longitude);
    return 2 * 6_378_100 * Math.asin(Math.sqrt(h)) <= centre.radiusMeters;
  }
  const [latitudes, longitudes] = [within.polygon.map((c) => c.latitude), within.polygon.map((c) => c.longitude)];
  return isBetween(latitude, latitudes) && isBetween(longitude, longitudes);
}

describe("audienceQuery", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("audience-query");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("finds exactly the users whom a filter means, whatever the filter and whoever they are", async function () {
    this.timeout(60_000);
    const identities = stores.db.collection<UserDocument>("identities");
    const sample = fc.sample(aUser, { numRuns: 200, seed: 7 });
    const app = anAppId();
    const rows = sample.map((facts, index) => rowOf(app, index, facts));
    await identities.insertMany(rows);
    let matches = 0;
    await fc.assert(
      fc.asyncProperty(filters, async (filter) => {
        // Nobody outside of its area is meant, where it has one.
        const found = await identities.find({ $and: [{ app }, areaOf(filter) ?? {}, audienceQuery(filter)] }).toArray();
        const expected = rows.filter((row) => means(filter, row)).map(({ userId }) => userId);
        expect(found.map(({ userId }) => userId)).to.have.members(expected);
        matches += expected.length > 0 && expected.length < rows.length ? 1 : 0;
      }),
      { numRuns: 400 },
    );
    // Else it would only have shown that nobody is nobody.
    expect(matches).to.be.greaterThan(150);
  });

  it("takes a circle around the world for everywhere, and the other side of the date line for near", async () => {
    const app = anAppId();
    const places = [corner(0, 179.99), corner(48, 16), corner(-90, 0)];
    const rows = places.map((place, index) => rowOf(app, index, { location: Object.assign(place, { at: 1 }) }));
    const identities = stores.db.collection<UserDocument>("identities");
    await identities.insertMany(rows);
    const foundWithin = async (latitude: number, longitude: number, radiusMeters: number) => {
      const query = audienceQuery({ within: { circle: { latitude, longitude, radiusMeters } } });
      return (await identities.find({ $and: [{ app }, query] }).toArray())
        .map(({ userId = "" }) => userId)
        .toSorted(compareUserIds);
    };
    expect(await foundWithin(0, -179.99, 3_000)).to.deep.equal(["user-0"]);
    expect(await foundWithin(-90, 77, 1)).to.deep.equal(["user-2"]);
    expect(await foundWithin(10, 10, 20_000_000)).to.deep.equal(["user-0", "user-1", "user-2"]);
  });
});
