import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, list, member } from "../support/api-client.ts";
import { linesOf, ofType, wholeUser } from "../support/whole-user.ts";
import { openWorld, type Platform, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

/** Every kind of record that a user of whom everything is kept has. */
const TYPES = [
  "announcement",
  "badge",
  "ban",
  "ban_imposed",
  "block",
  "conversation",
  "device",
  "device_facts",
  "flag_against",
  "flag_made",
  "follower",
  "following",
  "freeze_imposed",
  "identity",
  "invite",
  "invite_made",
  "location",
  "membership",
  "membership_rule",
  "message_received",
  "message_scheduled",
  "message_sent",
  "moderation_decision",
  "mute",
  "mute_imposed",
  "presence",
  "push_outcome",
  "push_preferences",
  "refused_message",
  "session",
  "suspension",
  "user_facts",
];

/** What is in the first record of a kind. */
const contentsFor = ({ bob, cid, conversation }: Readonly<Record<"bob" | "cid" | "conversation", string>>) => ({
  identity: { display_name: "Ann Whole", email_address: "ann@example.com" },
  suspension: { is_suspended: false },
  block: { user_id: cid },
  location: { latitude: 52.5, longitude: 13.25 },
  device: { device_id: "phone", platform: "android", app_version: "9.9" },
  device_facts: { device_id: "phone", app_version: "9.9", locale: "de-AT" },
  push_preferences: { time_zone: "Europe/Vienna" },
  user_facts: { external_unread: 4, blocked_by_count: 1, moderation_score: 1 },
  flag_made: { user_id: cid, reason: "scam", comment: "ann's own comment", state: "open" },
  flag_against: { reason: "spam", state: "open" },
  moderation_decision: { threshold: 1, score: 1, state: "acted", actions: ["mute"], verdict: null },
  refused_message: { conversation_id: conversation, rule: "swearing", text: "damn it" },
  invite: { inviter: null, metadata: { title: "Chess" }, state: "pending" },
  ban: { expires_at: null },
  ban_imposed: { user_id: cid, reason: "ann's own reason", expires_at: null },
  mute_imposed: { user_id: bob, reason: null, until: null },
  freeze_imposed: { reason: null },
  invite_made: { user_id: null, state: "pending" },
  message_received: { conversation_id: conversation, is_read: true },
  badge: { announcements: 0, messages: 0, conversations: 0 },
  following: { user_id: bob },
});

/** How many of each type the end line has. */
const countsOf = (text: string): ReadonlyMap<string, unknown> =>
  new Map(Object.entries(Object(member(linesOf(text).at(-1), "counts"))));

/** What a backend gets when a user asks for what is kept of her, against the whole of Strata. */
describe("the export of a user", function userExport() {
  this.timeout(60_000);
  let platform: Platform;
  let world: World;
  before(async () => {
    platform = await apiPlatform();
    world = await openWorld(platform);
  });

  it("has what is hers, page by page, and none of the words of others", async () => {
    const [ann = "", bob = ""] = await world.users(2);
    const conversation = await world.conversation([ann, bob]);
    for (let sent = 0; sent < 101; sent += 1) await world.message(conversation, ann, `of ann ${sent}`);
    await world.message(conversation, bob, "a secret of bob");
    const reply = expectStatus(await world.api("GET", `/users/${ann}/export`), 200);
    expect(reply.headers.get("content-type")).to.match(/^application\/x-ndjson/);
    const lines = linesOf(reply.text);
    expect(lines[0]).to.include({ type: "header", user_id: ann, app_id: world.appId, format: 1 });
    expect(member(lines.at(-1), "type")).to.equal("end");
    expect(member(lines.at(-1), "counts")).to.include({ conversation: 1, message_sent: 101, message_received: 1 });
    expect(ofType(lines, "identity")[0]).to.include({ display_name: `Name ${ann}` });
    expect(ofType(lines, "message_sent")).to.have.lengthOf(101);
    expect(reply.text).to.include("of ann 0").and.not.include("a secret of bob").and.not.include(`Name ${bob}`);
  });

  it("has every kind of record with what is in it, nothing that others wrote and no secret", async () => {
    const app = await openWorld(platform);
    const { ann, bob, cid, unsaid, conversation, announcements } = await wholeUser(app);
    const exported = async () => expectStatus(await app.api("GET", `/users/${ann}/export`), 200).text;
    // Her rule's row and what her device says of her come by events.
    await eventually(async () => [...countsOf(await exported()).keys()].toSorted(), TYPES);
    const text = await exported();
    const lines = linesOf(text);
    const only = (type: string) => ofType(lines, type)[0];
    for (const [type, expected] of Object.entries(contentsFor({ bob, cid, conversation })))
      expect(only(type), type).to.deep.include(expected);
    const said = (type: string) => ofType(lines, type).map((line) => member(list(member(line, "parts"))[0], "body"));
    expect(said("message_sent")).to.have.members(["words of ann", "words where ann has left"]);
    expect(said("message_scheduled")).to.deep.equal(["words to come"]);
    expect(ofType(lines, "session")[0]).to.have.all.keys("type", "began_at", "expires_at", "ended_at");
    const states = ofType(lines, "announcement").map((line) => [
      member(line, "id"),
      member(line, "read_at") !== null,
      member(line, "deleted_at") !== null,
    ]);
    expect(states).to.have.deep.members([
      [announcements[0], true, false],
      [announcements[1], false, true],
    ]);
    expect(only("presence")).to.have.property("last_seen_at").that.is.a("string");
    // By announcement and by message: without a credential nothing of it could be sent.
    expect(ofType(lines, "push_outcome").flatMap((line) => Object.keys(Object(line)))).to.include.members([
      "announcement_id",
      "message_id",
    ]);
    for (const line of ofType(lines, "push_outcome"))
      expect(line).to.include({ device_id: "phone", platform: "android" });
    for (const [type, count] of countsOf(text)) expect(ofType(lines, type).length, type).to.equal(count);
    for (const word of unsaid) expect(text).not.to.include(word);
  });

  it("goes on behind a page of conversations", async () => {
    const [ann = ""] = await world.users(1);
    for (let made = 0; made < 101; made += 1) await world.conversation([ann], { distinct: false });
    const lines = linesOf(expectStatus(await world.api("GET", `/users/${ann}/export`), 200).text);
    const ids = ofType(lines, "conversation").map((line) => member(line, "id"));
    expect(new Set(ids).size).to.equal(101);
    expect(ofType(lines, "membership")).to.have.lengthOf(101);
  });

  it("is 404 for who is unknown, of another app, or deleted", async () => {
    const [ann = ""] = await world.users(1);
    expectError(await world.api("GET", `/users/${world.newUserId()}/export`), "not_found");
    const other = await openWorld(platform);
    expectError(await other.api("GET", `/users/${ann}/export`), "not_found");
    expectStatus(await world.api("DELETE", `/users/${ann}`), 202);
    await eventually(async () => (await world.api("GET", `/users/${ann}/export`)).status, 404);
  });
});
