import { CountUnread, FindUnknownUsers, type InboxKey, ListInboxKeys, ListInboxKeysOfUsers } from "@strata/contracts";
import type { Client } from "@strata/messaging";
import { anAnnouncementId, anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { inboxesOver } from "./inbox.ts";

/** Announcement-fanout and the directory, as far as these questions go: an inbox of so many, newest first. */
function peers(size: number) {
  const keys = Array.from({ length: size }, (_, n): InboxKey => ({ announcementId: anAnnouncementId(), at: size - n }));
  const asked = new Map<string, number>();
  const client: Pick<Client, "ask"> = {
    async ask(query, _app, payload) {
      asked.set(query.type, (asked.get(query.type) ?? 0) + 1);
      if (query.type === FindUnknownUsers.type) return query.reply.parse({ unknown: [], knownSince: [7] });
      if (query.type === CountUnread.type) return query.reply.parse({ unreadMessages: 0, unreadConversations: 0 });
      const { behind, limit, knownSince, since } = ListInboxKeys.payload.parse(payload);
      expect(knownSince).to.equal(7);
      const found = keys.filter(({ at }) => at < (behind?.at ?? size + 1) && at > (since ?? 0)).slice(0, limit);
      return query.reply.parse({ keys: found, ended: [] });
    },
  };
  return { keys, asked, inboxes: inboxesOver(client) };
}

describe("an inbox that is walked", () => {
  it("asks once who its owner is, and once for each page", async () => {
    const { keys, asked, inboxes } = peers(2_500);
    const walked: InboxKey[] = [];
    for await (const page of inboxes.pages(anAppId(), aUserId(1), null)) walked.push(...page.keys);
    expect(walked).to.deep.equal(keys);
    expect(Object.fromEntries(asked)).to.deep.equal({ [FindUnknownUsers.type]: 1, [ListInboxKeys.type]: 3 });
  });

  it("goes on where it was, though the last announcement of a page is recalled meanwhile", async () => {
    const { keys, inboxes } = peers(1_500);
    const walked: InboxKey[] = [];
    for await (const page of inboxes.pages(anAppId(), aUserId(1), null)) {
      walked.push(...page.keys);
      if (walked.length === 1_000) keys.splice(999, 1);
    }
    expect(walked).to.have.lengthOf(1_500);
  });
});

describe("inboxes of many users", () => {
  it("are asked for together, and again of those who are not in an answer, with since when each is known", async () => {
    const users = Array.from({ length: 5 }, (_, n) => aUserId(n));
    const [first, second] = [anAnnouncementId(), anAnnouncementId()];
    const asked: unknown[] = [];
    const client: Pick<Client, "ask"> = {
      async ask(query, _app, payload) {
        asked.push([query.type, payload]);
        if (query.type === FindUnknownUsers.type)
          return query.reply.parse({ unknown: [users[3]], knownSince: [10, 11, 12, null, 14] });
        const { userIds } = ListInboxKeysOfUsers.payload.parse(payload);
        if (userIds.length === 5)
          return query.reply.parse({ announcements: [{ announcementId: first, users: [1, 4] }], left: [2, 3] });
        const announcements = [
          { announcementId: first, users: [1] },
          { announcementId: second, users: [0, 1] },
        ];
        return query.reply.parse({ announcements, left: [] });
      },
    };
    const parts: unknown[] = [];
    for await (const part of inboxesOver(client).ofUsers(anAppId(), users)) parts.push(part);
    expect(parts).to.deep.equal([
      [{ announcementId: first, userIds: [users[1], users[4]] }],
      [
        { announcementId: first, userIds: [users[3]] },
        { announcementId: second, userIds: [users[2], users[3]] },
      ],
    ]);
    expect(asked).to.deep.equal([
      [FindUnknownUsers.type, { userIds: users, withKnownSince: true }],
      [ListInboxKeysOfUsers.type, { userIds: users, knownSince: [10, 11, 12, null, 14] }],
      [ListInboxKeysOfUsers.type, { userIds: [users[2], users[3]], knownSince: [12, null] }],
    ]);
  });
});
