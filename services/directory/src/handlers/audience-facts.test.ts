import { partitionOf } from "@strata/contracts";
import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores } from "../../test/support.ts";
import { findTimeZones, findUsersKnownBefore } from "./audience-facts.ts";

describe("what is asked about users of an audience", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const app = anAppId();
  const users = userIds(600);
  const late = new Set(users.filter((_, index) => index % 4 === 0));
  const unknown = new Set(users.filter((_, index) => index % 5 === 0));
  before(async () => {
    stores = await openStores("audience-facts");
    for (const [at, isLate] of [
      [100, false],
      [101, true],
    ] as const) {
      const known = users.filter((userId) => !unknown.has(userId) && late.has(userId) === isLate);
      await stores.identities.makeKnown(app, known, at);
    }
  });
  after(() => stores[Symbol.asyncDispose]());

  it("finds exactly who was known by then, within one partition and over all", async () => {
    for (const asked of [users, users.filter((userId) => partitionOf(userId) === 7), []]) {
      const outcome = await findUsersKnownBefore(stores)(aDelivery({ userIds: asked, before: 100 }, { app }));
      const expected = asked.filter((userId) => !late.has(userId) && !unknown.has(userId));
      expect(outcome).to.deep.equal({ kind: "reply", reply: { userIds: expected } });
    }
  });

  it("finds of them who matches, where that is asked", async () => {
    const [one = "", , third = ""] = users.filter((userId) => !late.has(userId) && !unknown.has(userId));
    const filter = { field: "user_id" as const, in: [third, one, "nobody", [...late][1] ?? ""] };
    for (const asked of [users, users.filter((userId) => partitionOf(userId) === partitionOf(one))]) {
      const outcome = await findUsersKnownBefore(stores)(aDelivery({ userIds: asked, before: 100, filter }, { app }));
      const expected = asked.filter((userId) => userId === one || userId === third);
      expect(outcome).to.deep.equal({ kind: "reply", reply: { userIds: expected } });
    }
  });

  it("finds time zones in the order asked, null for who has none or is not known", async () => {
    await stores.db
      .collection<{ _id: string }>("identities")
      .updateOne({ _id: `${app}/${users[1]}` }, { $set: { timeZone: "Asia/Tokyo" } });
    const asked = [users[2] ?? "", "nobody", users[1] ?? ""];
    const outcome = await findTimeZones(stores)(aDelivery({ userIds: asked }, { app }));
    expect(outcome).to.deep.equal({ kind: "reply", reply: { timeZones: [null, null, "Asia/Tokyo"] } });
    const nobody = await findTimeZones(stores)(aDelivery({ userIds: [] }, { app }));
    expect(nobody).to.deep.equal({ kind: "reply", reply: { timeZones: [] } });
  });
});
