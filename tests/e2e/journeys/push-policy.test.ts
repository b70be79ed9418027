import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";
import { journeysPlatform } from "./platform.ts";

const Explanation = z.object({ decision: z.string(), policy: z.string().nullable(), until: z.string().nullable() });
const Story = z.object({
  pushes: z.array(z.object({ outcome: z.string(), policy: z.string().nullable() })),
  why_not: z.array(z.object({ code: z.string(), until: z.string().nullable() })),
});
const Status = z.object({
  counts: z.object({
    sent: z.number(),
    pushed: z.number(),
    push_skipped: z.number(),
    push_skipped_by_policy: z.record(z.string(), z.number()),
    push_waiting: z.number(),
  }),
});

const HOUR_MS = 3_600_000;
const PATIENT = { deadlineMs: 30_000 };
/** Twelve hours ahead of UTC, without summer time. */
const FAR_ZONE = "Pacific/Tarawa";

/** `22:00`: so many hours from `at`, on a clock of UTC. */
const clock = (at: number, hours: number): string => `${new Date(at + hours * HOUR_MS).toISOString().slice(11, 13)}:00`;

describe("a push policy", function pushPolicy() {
  this.timeout(120_000);
  let platform: Platform;
  let app: TestApp;
  const users = ["ann", "bob", "carol", "dave", "eve"] as const;
  const now = Date.now();
  /** Around now where eve is, and around noon of another day where the others are. */
  const quietHours = { from: clock(now, 12 - 1), to: clock(now, 12 + 2) };
  const quietUntil = new Date(Math.floor(now / HOUR_MS) * HOUR_MS + 2 * HOUR_MS).toISOString();

  before(async () => {
    platform = await journeysPlatform();
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["sender", ...users]);
    await platform.addPhones(app, users);
    // Her newest device is where she is.
    const device = { platform: "android", kind: "fcm_token", environment: "development", time_zone: FAR_ZONE };
    await call("PUT", "/users/eve/devices/phone", { ...device, token: `fcm-${randomUUID()}` });
  });

  const call = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await app.client.request(method, `/apps/${app.appId}${path}`, body === undefined ? {} : { body })).body;
  async function suspend(user: string): Promise<void> {
    const { status } = await fetch(`${platform.baseUrl}/apps/${app.appId}/users/${user}`, {
      method: "PATCH",
      headers: { Authorization: `Bearer ${app.token}`, "Content-Type": "application/vnd.layer-patch+json" },
      body: JSON.stringify([{ operation: "set", property: "suspended", value: true }]),
    });
    expect(status).to.equal(202);
  }
  async function announce(recipients: readonly string[]): Promise<string> {
    const announcementId = randomUUID();
    await app.client.request("POST", `/apps/${app.appId}/announcements`, {
      ifNoneMatch: announcementId,
      body: {
        recipients: recipients.map((user) => `layer:///identities/${user}`),
        sender_id: "layer:///identities/sender",
        parts: [{ mime_type: "text/plain", body: "Half the price" }],
        notification: { text: "Half the price" },
        category: "offers",
      },
    });
    return announcementId;
  }
  /** On whose phones it is seen. */
  const shownTo = (announcementId: string): readonly string[] =>
    platform.phone
      .latestDevices(100)
      .flatMap(({ shown }) => shown)
      .filter((push) => push.announcement_id?.endsWith(announcementId))
      .map((push) => push.user_id ?? "nobody")
      .toSorted();
  const explained = async (user: string, query = "category=offers") =>
    Explanation.parse(await call("GET", `/users/${user}/push_explanation?${query}`));
  const storyOf = async (announcementId: string, user: string) =>
    Story.parse(await call("GET", `/announcements/${announcementId}/recipients/${user}`));
  const countsOf = async (announcementId: string) =>
    Status.parse(await call("GET", `/announcements/${announcementId}`)).counts;

  it("decides who sees an announcement on her phone; what explains it before says the same as the ledger after", async () => {
    await call("PUT", "/push_policy", {
      quiet_hours: quietHours,
      categories: { offers: { frequency_cap: { max_pushes: 1, per_hours: 24 } } },
    });
    await call("PATCH", "/users/bob/push_preferences", { categories: { offers: false } });
    await suspend("carol");
    const expected = {
      ann: { decision: "send", policy: null, until: null },
      bob: { decision: "skip", policy: "opted_out", until: null },
      carol: { decision: "skip", policy: "suspended", until: null },
      dave: { decision: "send", policy: null, until: null },
      eve: { decision: "wait", policy: "quiet_hours", until: quietUntil },
    };
    const allExplained = async () =>
      Object.fromEntries(await Promise.all(users.map(async (user) => [user, await explained(user)] as const)));
    await eventually(allExplained, expected, PATIENT);

    // The one offer that dave may get within a day.
    const first = await announce(["dave"]);
    await eventually(() => shownTo(first), ["dave"], PATIENT);
    const capped = { ...expected, dave: { decision: "skip", policy: "category_cap", until: null } };
    await eventually(allExplained, capped, PATIENT);

    const second = await announce(users);
    await eventually(
      () => countsOf(second),
      {
        sent: 5,
        pushed: 1,
        push_skipped: 3,
        push_skipped_by_policy: { opted_out: 1, suspended: 1, category_cap: 1 },
        push_waiting: 1,
      },
      PATIENT,
    );
    expect(shownTo(second)).to.deep.equal(["ann"]);
    for (const user of users) {
      const { pushes, why_not: reasons } = await storyOf(second, user);
      expect(
        pushes.map(({ policy }) => policy),
        user,
      ).to.deep.equal([capped[user].policy]);
      expect(reasons, user).to.deep.equal(
        {
          ann: [],
          bob: [{ code: "opted_out", until: null }],
          carol: [{ code: "suspended", until: null }],
          dave: [{ code: "capped", until: null }],
          eve: [{ code: "quiet_hours", until: quietUntil }],
        }[user],
      );
    }
    // It is in every inbox, whatever became of its push.
    const unread = z.object({ announcements: z.number() });
    expect(unread.parse(await call("GET", "/users/bob/unread"))).to.include({ announcements: 1 });
  });

  it("lets the next push through once she wants it again", async () => {
    await call("PATCH", "/users/bob/push_preferences", { categories: { offers: null } });
    await eventually(() => explained("bob"), { decision: "send", policy: null, until: null }, PATIENT);
    const next = await announce(["bob", "ann"]);
    await eventually(() => shownTo(next), ["bob"], PATIENT);
    // Ann has had hers for today, and is told so for this very announcement.
    await eventually(async () => (await storyOf(next, "ann")).why_not[0]?.code, "capped", PATIENT);
    expect(await explained("ann", `announcement_id=${next}`)).to.include({ decision: "skip", policy: "category_cap" });
  });
});
