import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, list, member } from "../support/api-client.ts";
import { tracesOf } from "../support/user-traces.ts";
import { wholeUser } from "../support/whole-user.ts";
import { openWorld, type Platform } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

/** Where the id of a deleted user may stand, and why: `kept` of the report says the same to whoever reads it. */
const KEPT: Readonly<Record<string, string>> = {
  "announcement-fanout/announcements": "of an announcement to few, its recipients",
  "announcement-fanout/batches": "lists of recipients stay as they were sent, for as long as their announcement",
  "announcement-fanout/rosters": "likewise, once they are sorted",
  "conversation/conversations": "that she left is the last change until the next one",
  "conversation/forgotten_users": "a tombstone",
  "integration/forgotten_users": "a tombstone",
  "conversation/messages": "what she said to others, and who had what they said",
  "conversation/scheduled_messages": "a message that waits for its time is refused then",
  "directory/blocks": "a tombstone: an empty list whose version goes on",
  "directory/deletions": "the report",
  "directory/identities": "a tombstone",
  "push-delivery/devices": "a tombstone",
  "push-delivery/preferences": "a tombstone",
  "push-delivery/push_chunks":
    "what became of a push, by user and device: counts of an announcement come from it; of all else for 30 days",
  "realtime/changes": "what sockets were told lately, by ids",
  "receipt-tracking/active_users": "who was active on a day, for two weeks",
  "receipt-tracking/receipts": "counts of an announcement come from them",
  "receipt-tracking/sent_batches": "the first and last recipient of a batch",
};

/** Before: which collections the export reads, or why it does not. */
const EXPORTED: Readonly<Record<string, string>> = {
  "announcement-fanout/announcements": "announcement",
  "announcement-fanout/batches": "announcement",
  "conversation/bans": "ban",
  "conversation/conversations": "conversation",
  "conversation/invites": "invite",
  "conversation/memberships": "membership",
  "conversation/messages": "message_sent, message_received",
  "conversation/refused_messages": "refused_message",
  "conversation/rule_members": "membership_rule",
  "conversation/rule_runs": "not: a sample of what runs did, which membership_rule has",
  "conversation/scheduled_messages": "message_scheduled",
  "directory/blocks": "block; of others' lists how many",
  "directory/flags": "flag_made, flag_against",
  "directory/followings": "following, follower",
  "directory/identities": "identity, user_facts, device_facts, location",
  "directory/moderated_users": "the score in user_facts",
  "directory/moderation_decisions": "moderation_decision",
  "directory/mutes": "mute",
  "directory/sessions": "session",
  "push-delivery/devices": "device",
  "push-delivery/preferences": "push_preferences",
  "push-delivery/push_chunks": "push_outcome",
  "realtime/changes": "not: what was told of what is exported, for some hours",
  "receipt-tracking/active_users": "not: on which hours of two weeks she did something that is exported",
  "receipt-tracking/receipts": "announcement",
  "receipt-tracking/sent_batches": "not: the ends of a list of recipients",
};

/** What becomes of a user of whom everything is kept, against the whole of Strata. */
describe("the deletion of a user", function userDeletion() {
  this.timeout(60_000);
  let platform: Platform;
  before(async () => {
    platform = await apiPlatform();
  });

  it("removes all of her but what its report says is kept, and the report has how much of each", async () => {
    const app = await openWorld(platform);
    const { ann } = await wholeUser(app);
    expect((await tracesOf(platform, ann)).filter((place) => !(place in EXPORTED))).to.deep.equal([]);

    const deleted = expectStatus(await app.api("DELETE", `/users/${ann}`), 202);
    const location = deleted.headers.get("location");
    expect(location).to.equal(`${app.base}/users/${ann}/deletion`);
    const report = async () => expectStatus(await app.api("GET", `/users/${ann}/deletion`), 200).json;
    await eventually(async () => member(await report(), "state"), "complete", { deadlineMs: 20_000 });
    const done = await report();
    expect(member(done, "requested_by")).to.have.property("kind", "token");
    expect(member(done, "completed_at")).to.be.a("string");
    const removed = Object.fromEntries(
      list(member(done, "removed")).map((one) => [String(member(one, "service")), member(one, "counts")]),
    );
    expect(removed).to.deep.equal({
      directory: {
        identities: 1,
        locations: 1,
        device_facts: 1,
        blocks: 1,
        blocked_by: 1,
        followings: 1,
        followers: 1,
        sessions: 1,
        flags_made: 1,
        flags_against: 1,
        moderation_decisions: 1,
        mutes: 1,
      },
      conversation: {
        memberships: 4,
        bans: 1,
        invites: 1,
        invite_uses: 0,
        invites_made: 1,
        bans_imposed: 1,
        membership_rules: 1,
        refused_messages: 1,
      },
      "push-delivery": { devices: 1, preferences: 1, counted_pushes: 0 },
      integration: { webhook_calls: 0 },
    });
    expect(list(member(done, "kept")).map((one) => member(one, "what"))).to.include.members(["messages", "tombstones"]);

    expectError(await app.api("GET", `/users/${ann}/export`), "not_found");
    const unexplained = async () => (await tracesOf(platform, ann)).filter((place) => !(place in KEPT));
    await eventually(unexplained, []);
    expect(JSON.stringify(done), "the report names nobody else").not.to.match(/u-[0-9a-f]{8}/);
  });

  it("has a report for nobody who was not deleted, and none of another app's user", async () => {
    const [app, other] = [await openWorld(platform), await openWorld(platform)];
    const [ann = ""] = await app.users(1);
    expectError(await app.api("GET", `/users/${ann}/deletion`), "not_found");
    expectError(await app.api("DELETE", `/users/${app.newUserId()}`), "not_found");
    expectStatus(await app.api("DELETE", `/users/${ann}`), 202);
    expectStatus(await app.api("GET", `/users/${ann}/deletion`), 200);
    expectError(await other.api("GET", `/users/${ann}/deletion`), "not_found");
  });
});
