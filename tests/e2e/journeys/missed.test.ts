import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";
import { journeysPlatform } from "./platform.ts";

const Entries = z.array(z.object({ id: z.string(), is_unread: z.boolean() }));
const Missed = z.object({
  since: z.string().nullable(),
  count: z.number(),
  unread: z.number(),
  newest: z.array(z.string()),
});
const Unread = z.object({ announcements: z.number(), total: z.number() });
const Status = z.object({ counts: z.object({ sent: z.number(), read: z.number(), deleted: z.number() }) });
const Story = z.object({
  status: z.string(),
  deleted_at: z.string().nullable(),
  why_not: z.array(z.object({ code: z.string() })),
});

const uriOf = (announcementId: string): string => `layer:///announcements/${announcementId}`;
const PATIENT = { deadlineMs: 30_000 };

/** Issue 5's journey: she had the app removed and hears of nothing, and still misses nothing. */
describe("a user who comes back on a new phone", function comesBack() {
  this.timeout(90_000);
  let platform: Platform;
  let app: TestApp;
  const [oldToken, newToken] = [`fcm-old-${randomUUID()}`, `fcm-new-${randomUUID()}`];
  before(async () => {
    platform = await journeysPlatform();
    app = await platform.createApp();
    for (const user of ["sender", "ann", "bob"]) {
      await call("POST", `/users/${user}/identity`, { display_name: user, metadata: { tier: user } });
    }
    // Brings the app's credentials along.
    await platform.addPhones(app, ["bob"]);
    await register("old-phone", oldToken);
  });

  const call = (method: string, path: string, body?: unknown) =>
    app.client.request(method, `/apps/${app.appId}${path}`, body === undefined ? {} : { body });
  const failure = (method: string, path: string) => call(method, path).catch((error: unknown) => error);
  const register = (device: string, token: string) =>
    call("PUT", `/users/ann/devices/${device}`, {
      platform: "android",
      kind: "fcm_token",
      token,
      environment: "development",
    });
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
  const toAnn = { recipients: ["layer:///identities/ann"] };
  const listed = async (query = "") => {
    const { body, count } = await call("GET", `/users/ann/announcements${query}`);
    return { ids: Entries.parse(body).map(({ id }) => id), count };
  };
  const missed = async () => Missed.parse((await call("GET", "/users/ann/missed")).body);
  const unread = async () => Unread.parse((await call("GET", "/users/ann/unread")).body).announcements;
  const storyOf = async (announcementId: string) =>
    Story.parse((await call("GET", `/announcements/${announcementId}/recipients/ann`)).body);
  const countsOf = async (announcementId: string) =>
    Status.parse((await call("GET", `/announcements/${announcementId}`)).body).counts;

  it("sees exactly what she missed and how many; what she reads and deletes is so everywhere", async () => {
    // She has the app, reads her first announcement, and leaves.
    const first = await announce(toAnn);
    await eventually(() => platform.phone.device(oldToken).received_count, 1, PATIENT);
    await call("POST", `/users/ann/announcements/${first}/receipts`, { type: "read" });
    await eventually(unread, 0, PATIENT);
    const { body: visit } = await call("PUT", "/users/ann/visit");
    const { visited_at: visitedAt } = z.object({ visited_at: z.string() }).parse(visit);

    // The app is removed from her phone: its token is worth nothing, and with the first push that is known.
    platform.phone.addFault({ token: oldToken, reason: "UNREGISTERED" });
    const named = await announce(toAnn);
    await eventually(async () => (await call("GET", "/users/ann/devices")).body, [], PATIENT);
    const filtered = await announce({ audience: { filter: { field: "metadata.tier", eq: "ann" } } });
    const recalled = await announce(toAnn);
    const everyone = await announce({
      audience: { everyone: true },
      expected_count: 3,
      expected_count_tolerance: 3,
    });
    await call("DELETE", `/announcements/${recalled}`);
    const all = [everyone, filtered, named].map(uriOf);
    await eventually(async () => (await listed(`?since=${visitedAt}`)).ids, all, PATIENT);
    expect((await storyOf(named)).why_not.map(({ code }) => code)).to.deep.equal(["push_failed"]);
    await eventually(async () => (await storyOf(filtered)).why_not.map(({ code }) => code), ["no_device"], PATIENT);
    expect(platform.phone.device(oldToken).received_count).to.equal(1);

    // She comes back.
    await register("new-phone", newToken);
    expect(await missed()).to.deep.equal({ since: visitedAt, count: 3, unread: 3, newest: all });
    expect(await listed(`?since=${visitedAt}`)).to.deep.equal({ ids: all, count: 3 });
    expect(await listed("?unread=true")).to.deep.equal({ ids: all, count: 3 });
    expect(await listed("?page_size=2")).to.deep.equal({ ids: all.slice(0, 2), count: 4 });
    await eventually(unread, 3, PATIENT);

    // One read, one deleted for herself.
    await call("POST", `/users/ann/announcements/${filtered}/receipts`, { type: "read" });
    await call("DELETE", `/users/ann/announcements/${everyone}`);
    await call("DELETE", `/users/ann/announcements/${everyone}`);
    expect(await missed()).to.deep.equal({ since: visitedAt, count: 2, unread: 1, newest: all.slice(1) });
    expect(await listed()).to.deep.equal({ ids: [...all.slice(1), uriOf(first)], count: 3 });
    expect(await listed("?unread=true")).to.deep.equal({ ids: [uriOf(named)], count: 1 });
    expect(await failure("GET", `/users/ann/announcements/${everyone}`)).to.include({
      status: 410,
      id: "object_deleted",
    });
    expect(await failure("DELETE", `/users/ann/announcements/${recalled}`)).to.include({ status: 404 });
    await eventually(unread, 1, PATIENT);
    // A phone that was offline tells late that she had read it: nobody sees a difference.
    await call("POST", `/users/ann/announcements/${everyone}/receipts`, { type: "read" });
    await eventually(async () => countsOf(everyone), { sent: 3, read: 1, deleted: 1 }, PATIENT);
    expect((await storyOf(everyone)).deleted_at).to.be.a("string");
    expect(await unread()).to.equal(1);
    expect((await listed()).ids).not.to.include(uriOf(everyone));

    // All read, and here again: nothing is missed, and the next one is on the new phone.
    await call("POST", "/users/ann/announcements/read");
    await eventually(unread, 0, PATIENT);
    expect((await countsOf(named)).sent).to.equal(1);
    expect(await listed("?unread=true")).to.deep.equal({ ids: [], count: 0 });
    await call("PUT", "/users/ann/visit");
    expect(await missed()).to.include({ count: 0, unread: 0 });
    const next = await announce(toAnn);
    await eventually(unread, 1, PATIENT);
    // What is for everyone may have been pushed to it too, where its turn came only when she was back.
    const isOnNewPhone = () =>
      platform.phone.device(newToken).received.some((push) => push.announcement_id?.endsWith(next));
    await eventually(isOnNewPhone, true, PATIENT);
  });
});
