import { randomUUID } from "node:crypto";
import { partitionOf } from "@strata/contracts";
import { eventually } from "@strata/testing";
import { devicesFor, type Platform, type TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";
import { journeysPlatform } from "./platform.ts";

const Unread = z.object({ total: z.number() });
const Badged = z.object({ aps: z.object({ badge: z.number() }) });

const PATIENT = { deadlineMs: 30_000 };
const PARTITION = 5;
/** So many of one partition that they are pushed to in one chunk, and are more than are counted one by one. */
const USERS: readonly string[] = Array.from({ length: 10_000 }, (_, n) => `user-${n}`)
  .filter((userId) => partitionOf(userId) === PARTITION)
  .slice(0, 60);

const named = (userIds: readonly string[]) => ({ recipients: userIds.map((id) => `layer:///identities/${id}`) });

describe("the number on an icon", function badge() {
  this.timeout(120_000);
  let platform: Platform;
  let app: TestApp;
  const devices = devicesFor(USERS, ["apns"]);
  before(async () => {
    platform = await journeysPlatform();
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["sender", ...USERS]);
    await platform.insertPhones(app, devices);
  });

  const call = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await app.client.request(method, `/apps/${app.appId}${path}`, body === undefined ? {} : { body })).body;
  async function announce(to: object): Promise<string> {
    const announcementId = randomUUID();
    await app.client.request("POST", `/apps/${app.appId}/announcements`, {
      ifNoneMatch: announcementId,
      body: {
        ...to,
        sender_id: "layer:///identities/sender",
        parts: [{ mime_type: "text/plain", body: "hello" }],
        notification: { text: "hello" },
      },
    });
    return announcementId;
  }
  const unread = async (userId: string) => Unread.parse(await call("GET", `/users/${userId}/unread`)).total;
  /** By user: the number that came with each push of this announcement. */
  const badgesOf = (announcementId: string) =>
    devices.map(({ token }) =>
      platform.phone
        .device(token)
        .received.filter((push) => JSON.stringify(push).includes(announcementId))
        .map(({ payload }) => Badged.parse(payload).aps.badge),
    );

  it("is what REST says is unread, for every recipient of an announcement, though nobody ever had her app open", async () => {
    const [reader = "", deleter = "", ...others] = USERS;
    const toAll = await announce(named(USERS));
    // Of so few, the numbers are kept, and are to follow what comes.
    await announce(named(USERS.slice(0, 15)));
    const everyone = await announce({ audience: { everyone: true }, expected_count: USERS.length + 1 });
    const recalled = await announce(named(USERS));
    await eventually(() => badgesOf(recalled).flat().length, USERS.length, PATIENT);
    await call("DELETE", `/announcements/${recalled}`);
    await call("POST", `/users/${reader}/announcements/${toAll}/receipts`, { type: "read" });
    await call("DELETE", `/users/${deleter}/announcements/${everyone}`);
    await call("PUT", `/users/${others[0] ?? ""}/badge`, { external_unread_count: 7 });
    const expected = USERS.map((_, n) => {
      const [more, ended, external] = [n < 15 ? 1 : 0, n < 2 ? 1 : 0, n === 2 ? 7 : 0];
      return 2 + more - ended + external;
    });
    await eventually(() => Promise.all(USERS.slice(0, 15).map(unread)), expected.slice(0, 15), PATIENT);

    const last = await announce(named(USERS));
    await eventually(
      () => badgesOf(last),
      expected.map((count) => [count + 1]),
      PATIENT,
    );
    expect(await Promise.all(USERS.map(unread))).to.deep.equal(expected.map((count) => count + 1));
  });
});
