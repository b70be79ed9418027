import { randomUUID } from "node:crypto";
import { eventually, userIds } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";
import { journeysPlatform } from "./platform.ts";

const Status = z.object({
  state: z.string(),
  counts: z.object({
    recipients: z.number(),
    unknown: z.number(),
    sent: z.number(),
    delivered: z.number(),
    read: z.number(),
    opened: z.number(),
    deleted: z.number(),
    pushed: z.number(),
    pushed_by_platform: z.record(z.string(), z.number()),
    failed: z.number(),
    failed_by_reason: z.record(z.string(), z.number()),
    failed_by_platform: z.record(z.string(), z.number()),
    push_skipped: z.number(),
    push_skipped_by_platform: z.record(z.string(), z.number()),
    push_skipped_by_policy: z.record(z.string(), z.number()),
    push_expired: z.number(),
    push_waiting: z.number(),
  }),
});
const Inbox = z.array(
  z.object({ id: z.string(), is_unread: z.boolean(), parts: z.array(z.object({ body: z.string() })) }),
);
const Recipients = z.array(z.object({ user_id: z.string(), status: z.string() }));

/** The whole of Strata as processes, over HTTP from outside: only what no single service can show. */
describe("one announcement through everything", function journeys() {
  this.timeout(60_000);
  let platform: Platform;
  let app: TestApp;
  before(async () => {
    platform = await journeysPlatform();
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["sender", ...userIds(1_500)]);
    await platform.addPhones(app, userIds(40));
    platform.phone.autoReceipts({ base_url: platform.baseUrl, app_id: app.appId, token: app.token, read_ratio: 1 });
  });
  after(() => platform.phone.autoReceipts(null));

  const announce = async (recipients: readonly string[], announcementId: string = randomUUID()): Promise<string> => {
    await app.client.request("POST", `/apps/${app.appId}/announcements`, {
      ifNoneMatch: announcementId,
      body: {
        recipients: recipients.map((userId) => `layer:///identities/${userId}`),
        sender_id: "layer:///identities/sender",
        parts: [{ mime_type: "text/plain", body: "hello" }],
        notification: { title: "Strata", text: "hello" },
      },
    });
    return announcementId;
  };
  const path = (announcementId: string): string => `/apps/${app.appId}/announcements/${announcementId}`;
  const statusOf = async (announcementId: string) =>
    Status.parse((await app.client.request("GET", path(announcementId))).body);

  it("reaches inboxes, phones over FCM and APNs, and comes back as receipts that are counted", async () => {
    const announcementId = await announce([...userIds(60), "stranger"]);
    await eventually(
      async () => (await statusOf(announcementId)).counts,
      {
        recipients: 61,
        unknown: 1,
        sent: 60,
        delivered: 40,
        read: 40,
        opened: 0,
        deleted: 0,
        pushed: 40,
        pushed_by_platform: { ios: 20, android: 20, web: 0 },
        failed: 0,
        failed_by_reason: {},
        failed_by_platform: { ios: 0, android: 0, web: 0 },
        push_skipped: 0,
        push_skipped_by_platform: { ios: 0, android: 0, web: 0 },
        push_skipped_by_policy: {},
        push_expired: 0,
        push_waiting: 0,
      },
      { deadlineMs: 30_000 },
    );
    const { body, count } = await app.client.request("GET", `/apps/${app.appId}/users/user-000001/announcements`);
    const [entry] = Inbox.parse(body);
    expect(entry).to.include({ id: `layer:///announcements/${announcementId}`, is_unread: false });
    expect(entry?.parts[0]?.body).to.equal("hello");
    expect(count).to.equal(1);
    const unread = await app.client.request("GET", `${path(announcementId)}/recipients?status=unread`);
    expect(
      Recipients.parse(unread.body)
        .map(({ user_id }) => user_id)
        .toSorted(),
    ).to.deep.equal(userIds(60).slice(40));
    expect(unread.count).to.equal(20);
    const { requests, answers } = platform.phone.stats();
    expect(JSON.stringify({ requests, answers })).to.be.a("string");
  });

  it("takes a list of more than 1,000, and shows who read it", async () => {
    const announcementId = await announce(userIds(1_500));
    await eventually(async () => (await statusOf(announcementId)).state, "distributed", { deadlineMs: 30_000 });
    expect((await statusOf(announcementId)).counts).to.include({ recipients: 1_500, unknown: 0, sent: 1_500 });
    const receipts = `/apps/${app.appId}/users/user-001400/announcements/${announcementId}/receipts`;
    await app.client.request("POST", receipts, { body: { type: "read" } });
    await eventually(async () => {
      const { body } = await app.client.request("GET", `${path(announcementId)}/recipients?status=read`);
      return Recipients.parse(body).some(({ user_id }) => user_id === "user-001400");
    }, true);
  });

  it("shows one app nothing of another", async () => {
    const announcementId = await announce(userIds(1));
    const other = await platform.createApp();
    const foreign = await other.client
      .request("GET", `/apps/${other.appId}/announcements/${announcementId}`)
      .catch((error: unknown) => error);
    expect(foreign).to.include({ status: 404, id: "not_found" });
    const trespass = await other.client.request("GET", path(announcementId)).catch((error: unknown) => error);
    expect(trespass).to.include({ status: 403, id: "invalid_app_id" });
  });
});
