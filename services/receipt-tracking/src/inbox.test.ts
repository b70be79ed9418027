import { CountUnread, FindUnknownUsers, type InboxKey, ListInboxKeys } from "@strata/contracts";
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
