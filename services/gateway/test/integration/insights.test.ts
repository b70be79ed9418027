import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { NOTHING_ANNOUNCED } from "../peers/receipts.ts";
import { openWorld, type World } from "../world.ts";

const AT = Date.UTC(2026, 0, 2, 3);

describe("GET insights", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway insights" });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (query = "") => `/apps/${app}/insights${query}`;

  it("shows buckets, their sum and categories, with rates of what was sent", async () => {
    const announced = { ...NOTHING_ANNOUNCED, announcements: 1, sent: 3, delivered: 2, timeToRead: { p50: 7, p90: 8 } };
    world.receipts.insightsReply = {
      buckets: [{ at: AT, ...announced, messages: 4, activeUsers: 5 }],
      total: { ...announced, messages: 4 },
      categories: [{ category: null, ...announced }],
    };
    const shown = {
      announcements: 1,
      sent: 3,
      delivered: 2,
      read: 0,
      opened: 0,
      deleted: 0,
      rates: { delivered: 0.6667, read: 0, opened: 0, deleted: 0 },
      time_to_delivered: { p50: null, p90: null },
      time_to_read: { p50: 7, p90: 8 },
    };
    const reply = await send("GET", path("?by=day&category=news"));
    expect([reply.status, reply.json]).to.deep.equal([
      200,
      {
        buckets: [{ at: "2026-01-02T03:00:00.000Z", ...shown, messages: 4, active_users: 5 }],
        total: { ...shown, messages: 4 },
        categories: [{ category: null, ...shown }],
      },
    ]);
    expect(world.receipts.insights.at(-1)).to.include({ by: "day", category: "news" });
  });

  it("asks for the whole hours or days that the time named touches, and the last day by the hour without one", async () => {
    await send("GET", path("?by=day&from=2026-01-02T03:00:00Z&to=2026-01-04T00:00:01Z"));
    expect(world.receipts.insights.at(-1)).to.deep.equal({
      by: "day",
      from: Date.UTC(2026, 0, 2),
      to: Date.UTC(2026, 0, 5),
    });
    await send("GET", path());
    const asked = world.receipts.insights.at(-1);
    expect(asked).to.have.property("by", "hour");
    expect((asked?.to ?? 0) - (asked?.from ?? 0)).to.be.within(24 * 3_600_000, 25 * 3_600_000);
    // As much as there may be.
    expect(await send("GET", path("?by=day&from=2025-01-01T00:00:00Z&to=2026-02-05T00:00:00Z"))).to.have.property(
      "status",
      200,
    );
  });

  it("refuses what is no step, no time, the wrong way round or too long", async () => {
    for (const [query, property] of [
      ["?by=week", "by"],
      ["?from=yesterday", "from"],
      ["?to=2026-01-02", "to"],
      ["?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"],
      ["?from=2026-01-01T00:00:00Z&to=2026-02-02T00:00:00Z", "to"],
      ["?by=day&from=2025-01-01T00:00:00Z&to=2026-02-07T00:00:00Z", "to"],
      ["?category=a&category=b", "category"],
    ]) {
      expect(errorOf(await send("GET", path(query)))).to.deep.include({ id: "invalid_property", data: { property } });
    }
  });

  it("is not for another app", async () => {
    const token = world.directory.aToken({ app: world.directory.anApp() });
    expect(await send("GET", path(), { token })).to.have.property("status", 403);
  });
});
