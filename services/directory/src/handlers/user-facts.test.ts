import { type DeviceRegistered, type PayloadOf, UserVisited } from "@strata/contracts";
import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, identityFields, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { findTimeZones } from "./audience-facts.ts";
import { matchesAudience } from "./audience.ts";
import { createIdentities } from "./create-identities.ts";
import { changeIdentity } from "./change-identity.ts";
import { deleteIdentity } from "./delete-identity.ts";
import { deleteUser } from "./delete-user.ts";
import { findPersonalFacts } from "./find-personal-facts.ts";
import { getUser } from "./get-user.ts";
import { getLocation, removeLocation, setLocation } from "./location.ts";
import { forgetDevice, noteDevice } from "./note-device.ts";
import { recordVisit } from "./record-visit.ts";

const [ann, bob] = [aUserId(1), aUserId(2)];
const vienna = { latitude: 48.2, longitude: 16.37, at: 1_000 };
const graz = { latitude: 47.07, longitude: 15.43, at: 2_000 };

describe("what comes to be known of a user", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const recording = recordingPublisher();
  const visit: ReturnType<typeof recordVisit> = (delivery) =>
    recordVisit({ ...stores, publisher: recording.publisher })(delivery);
  let app: string;
  before(async () => {
    stores = await openStores("user-facts");
  });
  beforeEach(async () => {
    app = anAppId();
    await withIdentity(stores, app, ann);
  });
  after(() => stores[Symbol.asyncDispose]());

  const of = <P>(payload: P, sentAt = new Date()) => aDelivery(payload, { app, sentAt });
  const locate = (location: typeof vienna, sentAt?: Date) => setLocation(stores)(of({ userId: ann, location }, sentAt));
  const located = async () => {
    const outcome = await getLocation(stores)(of({ userId: ann }));
    return outcome.kind === "reply" ? outcome.reply.location : outcome;
  };
  const userNow = async () => {
    const outcome = await getUser(stores)(of({ userId: ann }));
    return outcome.kind === "reply" ? outcome.reply.user : outcome;
  };
  const forgetAnn = () => deleteUser({ ...stores, ...recordingPublisher() })(of({ userId: ann, at: Date.now() }));
  const registered = (changes: Partial<PayloadOf<typeof DeviceRegistered>> = {}) =>
    noteDevice(stores)(of({ userId: ann, deviceId: "phone", platform: "ios" as const, registeredAt: 10, ...changes }));
  const removed = (deviceId: string, registeredAt: number) =>
    forgetDevice(stores)(of({ userId: ann, deviceId, registeredAt }));
  const matches = async (filter: Parameters<ReturnType<typeof matchesAudience>>[0]["payload"]["filter"]) => {
    const outcome = await matchesAudience(stores)(of({ userId: ann, filter }));
    return outcome.kind === "reply" ? outcome.reply.matches : outcome;
  };
  const timeZone = async () => {
    const outcome = await findTimeZones(stores)(of({ userIds: [ann] }));
    return outcome.kind === "reply" ? outcome.reply.timeZones[0] : outcome;
  };

  it("keeps the last location, in whatever order they come, and says what holds", async () => {
    expect(await located()).to.equal(null);
    expect(await locate(graz)).to.deep.equal({ kind: "reply", reply: { location: graz } });
    expect(await locate(graz)).to.deep.equal({ kind: "reply", reply: { location: graz } });
    expect(await locate(vienna)).to.deep.equal({ kind: "reply", reply: { location: graz } });
    expect(await located()).to.deep.equal(graz);
    expect(await userNow()).to.include({ lastSeenAt: 2_000 });
  });

  it("is found where she is, since she was there, and nowhere once that is forgotten", async () => {
    await locate(vienna);
    const near = { circle: { latitude: 48.21, longitude: 16.38, radiusMeters: 2_000 } };
    expect(await matches({ within: near })).to.equal(true);
    expect(await matches({ within: near, since: 1_000 })).to.equal(true);
    expect(await matches({ within: near, since: 1_001 })).to.equal(false);
    expect(await matches({ within: near, maxAgeSeconds: 60 })).to.equal(false);
    await locate({ ...vienna, at: Date.now() });
    expect(await matches({ within: near, maxAgeSeconds: 60 })).to.equal(true);
    expect(await removeLocation(stores)(of({ userId: ann }))).to.deep.equal({ kind: "ack" });
    expect(await located()).to.equal(null);
    expect(await matches({ within: near })).to.equal(false);
  });

  it("remembers the latest visit", async () => {
    for (const at of [50, 70, 60]) await visit(of({ userId: ann, at }));
    // Each of them is told of.
    const told = recording.events.filter((event) => event.app === app && event.type === UserVisited.type);
    expect(told.map(({ payload }) => payload)).to.deep.equal([50, 70, 60].map((at) => ({ userId: ann, at })));
    expect(await userNow()).to.include({ visitedAt: 70, lastSeenAt: 70 });
    expect(await matches({ field: "last_seen_at", gt: 69 })).to.equal(true);
    expect(await matches({ field: "last_seen_at", gt: 70 })).to.equal(false);
  });

  it("refuses all of it for who is not known", async () => {
    const asking = [
      setLocation(stores)(of({ userId: bob, location: vienna })),
      removeLocation(stores)(of({ userId: bob })),
      visit(of({ userId: bob, at: 1 })),
    ];
    for (const outcome of await Promise.all(asking)) expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(await registered({ userId: bob })).to.deep.equal({ kind: "ack" });
    expect(await stores.db.collection("identities").countDocuments({ app })).to.equal(1);
  });

  it("forgets all of it with the user, also what was sent before and comes after", async () => {
    await locate(vienna);
    await visit(of({ userId: ann, at: 50 }));
    await registered({ timeZone: "Europe/Vienna", locale: "de-AT", appVersion: "1.2" });
    const before = new Date(Date.now() - 1_000);
    await forgetAnn();
    const expectNothing = async () => {
      const row = await stores.db.collection<{ _id: string }>("identities").findOne({ _id: `${app}/${ann}` });
      for (const name of ["location", "visitedAt", "lastSeenAt", "devices", "locale", "timeZone"]) {
        expect(row).not.to.have.property(name);
      }
    };
    await expectNothing();
    expect(await locate(graz, before)).to.have.nested.property("error.code", "not_found");
    await registered({ registeredAt: 20 });
    await expectNothing();
    // She comes back; what is from before stays away.
    await stores.identities.makeKnown(app, [ann], Date.now() + 1);
    expect(await locate(graz, before)).to.have.nested.property("error.code", "not_found");
    expect(await visit(of({ userId: ann, at: 9 }, before))).to.have.nested.property("error.code", "not_found");
    await registered({ registeredAt: 20 });
    await expectNothing();
  });

  it("knows her devices as they were registered last", async () => {
    await registered({ appVersion: "9.9", registeredAt: 10 });
    await registered({ appVersion: "10.2", registeredAt: 20 });
    await registered({ appVersion: "9.9", registeredAt: 10 });
    await registered({ deviceId: "tablet", platform: "android", appVersion: "3.0", registeredAt: 15 });
    expect(await matches({ field: "app_version", eq: "10.2.0" })).to.equal(true);
    expect(await matches({ field: "app_version", eq: "9.9" })).to.equal(false);
    const old = {
      and: [
        { field: "platform" as const, eq: "ios" },
        { field: "app_version" as const, lt: "10" },
      ],
    };
    expect(await matches(old)).to.equal(false);
    expect(await matches({ field: "platform", in: ["android"] })).to.equal(true);
    expect(await matches({ field: "platform", ne: "web" })).to.equal(true);
    expect(await userNow()).to.include({ lastSeenAt: 20 });
  });

  it("knows nothing of a device that is hers no more, in whatever order it hears of it", async () => {
    const onIos = { field: "platform" as const, eq: "ios" };
    const hasAny = { field: "platform" as const, exists: true };
    await registered({ timeZone: "Europe/Vienna", registeredAt: 10 });
    await removed("phone", 9);
    expect(await matches(onIos)).to.equal(true);
    await removed("phone", 10);
    expect(await matches(onIos)).to.equal(false);
    expect(await matches(hasAny)).to.equal(false);
    expect(await timeZone()).to.equal(null);
    expect(await userNow()).to.include({ lastSeenAt: 10 });
    // Its registration comes again; then somebody registers it anew.
    await registered({ registeredAt: 10 });
    expect(await matches(hasAny)).to.equal(false);
    await registered({ registeredAt: 11 });
    expect(await matches(onIos)).to.equal(true);

    await removed("tablet", 20);
    await registered({ deviceId: "tablet", platform: "android", registeredAt: 20 });
    expect(await matches({ field: "platform", eq: "android" })).to.equal(false);
    expect(await userNow()).to.include({ lastSeenAt: 11 });
  });

  it("bears many registrations at once, and changes of her identity between them", async () => {
    const change = changeIdentity({ ...stores, ...recordingPublisher() });
    const devices = Array.from({ length: 6 }, (_, n) => registered({ deviceId: `d${n}`, registeredAt: 10 + n }));
    await Promise.all([
      ...devices,
      change(of({ userId: ann, changes: [{ kind: "set-type" as const, value: "bot" as const }] })).catch(() => null),
    ]);
    const row = await stores.db.collection<{ _id: string }>("identities").findOne({ _id: `${app}/${ann}` });
    expect(row).to.have.property("devices").with.lengthOf(6);
  });

  it("takes her clock from her newest device, unless her backend says otherwise", async () => {
    const change = changeIdentity({ ...stores, ...recordingPublisher() });
    const say = (value: string) =>
      change(of({ userId: ann, changes: [{ kind: "set-metadata" as const, key: "time_zone", value }] }));
    expect(await timeZone()).to.equal(null);
    await registered({ timeZone: "Europe/Vienna", locale: "de-AT", registeredAt: 10 });
    await registered({ deviceId: "tablet", timeZone: "Asia/Tokyo", registeredAt: 20 });
    await registered({ deviceId: "watch", timeZone: null, registeredAt: 30 });
    expect(await timeZone()).to.equal("Asia/Tokyo");
    expect(await matches({ field: "locale", startsWith: "de" })).to.equal(true);
    await say("America/New_York");
    expect(await timeZone()).to.equal("America/New_York");
    await registered({ timeZone: "Europe/Rome", registeredAt: 40 });
    expect(await timeZone()).to.equal("America/New_York");
    await say("Middle Earth");
    expect(await timeZone()).to.equal("Europe/Rome");
    await deleteIdentity({ ...stores, ...recordingPublisher() })(of({ userId: ann }));
    expect(await timeZone()).to.equal("Europe/Rome");
  });

  it("takes the backend's word from a new identity, too", async () => {
    const fields = { ...identityFields(), metadata: { time_zone: "Asia/Tokyo", locale: "ja_JP" } };
    await stores.identities.makeKnown(app, [aUserId(3)], 1);
    const group = [2, 3].map((n) => of({ userId: aUserId(n), fields }));
    await createIdentities({ ...stores, ...recordingPublisher() })(group);
    const outcome = await findTimeZones(stores)(of({ userIds: [aUserId(2), aUserId(3)] }));
    expect(outcome).to.have.deep.nested.property("reply.timeZones", ["Asia/Tokyo", "Asia/Tokyo"]);
  });

  it("tells what an announcement is made personal by, of many at once, and nothing of who is not known", async () => {
    const [cid, dot, eve] = [aUserId(3), aUserId(4), aUserId(5)];
    await stores.identities.makeKnown(app, [cid, dot], 1);
    const fields = { ...identityFields(), firstName: "Bob", metadata: { locale: "de_CH", tier: "gold" } };
    await createIdentities({ ...stores, ...recordingPublisher() })([of({ userId: bob, fields })]);
    await registered({ userId: cid, locale: "fr-FR" });
    await deleteUser({ ...stores, ...recordingPublisher() })(of({ userId: dot, at: Date.now() }));
    const outcome = await findPersonalFacts(stores)(of({ userIds: [bob, cid, dot, eve] }));
    const { displayName, lastName, emailAddress, phoneNumber, metadata } = fields;
    const nothing = {
      displayName: null,
      firstName: null,
      lastName: null,
      emailAddress: null,
      phoneNumber: null,
      metadata: {},
    };
    expect(outcome)
      .to.have.nested.property("reply.facts")
      .that.has.deep.members([
        { userId: bob, locale: "de-CH", displayName, firstName: "Bob", lastName, emailAddress, phoneNumber, metadata },
        { userId: cid, locale: "fr-FR", ...nothing },
      ]);
  });
});
