import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { accountClient } from "../support/account-client.ts";
import { expectError, expectStatus } from "../support/api-client.ts";
import { furnish } from "../support/furnish.ts";
import { openWorld, type Platform } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const SERVICES = [
  "directory",
  "announcement-fanout",
  "receipt-tracking",
  "push-delivery",
  "conversation",
  "realtime",
  "integration",
] as const;

/** What stays of an app that is gone, and why. */
const STAYS: Readonly<Record<string, string>> = {
  "directory.apps": "the tombstone of its id, which the account's list shows",
  "directory.audit": "what was done about it is the account's",
  "realtime.changes": "goes by itself after a day and a half, long before the grace is over",
  "directory.tokens": "revoked: who had which is the account's",
};

/** The grace of a deleted app is over, against the whole of Strata. */
describe("an app whose grace is over", function appPurge() {
  this.timeout(120_000);
  let platform: Platform;
  before(async () => {
    platform = await apiPlatform();
  });

  /** Collections of all services in which something names the app. */
  async function namingApp(appId: string): Promise<string[]> {
    const found = SERVICES.map(async (service) => {
      const db = platform.db(service);
      const collections = await db.listCollections({}, { nameOnly: true }).toArray();
      const naming = collections.map(async ({ name }) => {
        const rows = await db.collection(name).find().toArray();
        return rows.some((row) => JSON.stringify(row).includes(appId)) ? [`${service}.${name}`] : [];
      });
      return (await Promise.all(naming)).flat();
    });
    return (await Promise.all(found)).flat().toSorted();
  }

  it("is gone from every service, all of it, and another app has all that it had", async () => {
    const send = accountClient(platform);
    const [gone, left] = [await openWorld(platform), await openWorld(platform)];
    for (const app of [gone, left]) {
      const { user = "", conversation = "", announcement = "" } = await furnish(app, `s${randomUUID()}`);
      expectStatus(await app.api("PUT", "/message_policy", { body: { mask: "#" } }), 200);
      const receipts = `/users/${user}/announcements/${announcement}/receipts`;
      await eventually(async () => (await app.api("POST", receipts, { body: { type: "read" } })).status, 204);
      await app.message(conversation, user, "bye");
    }
    const before = await namingApp(left.appId);
    expect(before).to.have.length.above(15);
    expect(await namingApp(gone.appId)).to.have.length.above(15);
    expectStatus(await send("DELETE", `/accounts/apps/${gone.appId}`), 200);
    await platform
      .db("directory")
      .collection<{ _id: string }>("apps")
      .updateOne({ _id: gone.appId }, { $set: { purgeAt: 1 } });
    await eventually(() => namingApp(gone.appId), Object.keys(STAYS).toSorted(), { deadlineMs: 60_000 });
    expect(await namingApp(left.appId)).to.include.members(before);
    expectError(await send("POST", `/accounts/apps/${gone.appId}/restore`), "not_found");
  });
});
