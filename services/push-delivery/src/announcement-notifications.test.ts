import { randomUUID } from "node:crypto";
import { GetAnnouncementContent, type Notification, type ReplyOf } from "@strata/contracts";
import type { Client } from "@strata/messaging";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { notificationsOver } from "./announcement-notifications.ts";

/** Announcement-fanout's answers, and which announcements it was asked about. */
function contents(answer: (announcementId: string) => Notification | null | Promise<never>) {
  const asked: string[] = [];
  const client: Pick<Client, "ask"> = {
    async ask(query, _app, payload) {
      const { announcementId } = GetAnnouncementContent.payload.parse(payload);
      asked.push(announcementId);
      const notification = await answer(announcementId);
      const parts = [{ mimeType: "text/plain", body: "hello", encoding: null }];
      const reply: ReplyOf<typeof GetAnnouncementContent> = {
        content: { sender: { name: "Ops" }, parts, notification },
      };
      return query.reply.parse(reply);
    },
  };
  return { notifications: notificationsOver(client), asked };
}

const about = (announcement: string, app = "one") => ({ app, announcement, hasNotification: true });

describe("announcement notifications", () => {
  it("asks once per announcement, also when many want it at once", async () => {
    const { notifications, asked } = contents(() => ({ text: "hello" }));
    const announcement = randomUUID();
    const answers = await Promise.all(Array.from({ length: 30 }, () => notifications.of(about(announcement))));
    expect(new Set(answers.map((answer) => answer?.text))).to.deep.equal(new Set(["hello"]));
    await notifications.of(about(announcement, anAppId()));
    expect(asked, "another app's announcement may have the same id").to.have.lengthOf(2);
  });

  it("asks nothing about an announcement without a notification", async () => {
    const { notifications, asked } = contents(() => ({ text: "hello" }));
    expect(await notifications.of({ ...about(randomUUID()), hasNotification: false })).to.deep.equal({});
    expect(asked).to.deep.equal([]);
  });

  it("asks again after a failure", async () => {
    let failures = 1;
    const { notifications, asked } = contents(() =>
      (failures -= 1) >= 0 ? Promise.reject(new Error("away")) : { text: "hello" },
    );
    const announcement = randomUUID();
    expect(await notifications.of(about(announcement)).catch(String)).to.equal("Error: away");
    expect(await notifications.of(about(announcement))).to.deep.equal({ text: "hello" });
    expect(asked).to.have.lengthOf(2);
  });

  it("forgets what was used least recently when it holds too much", async () => {
    const recipients = Object.fromEntries(Array.from({ length: 80_000 }, (_, n) => [`user-${n}`, { text: "you" }]));
    const { notifications, asked } = contents(() => ({ text: "hello", recipients }));
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    for (const announcement of [a, b, a, c, a]) await notifications.of(about(announcement));
    expect(asked).to.deep.equal([a, b, c]);
    await notifications.of(about(b));
    expect(asked).to.deep.equal([a, b, c, b]);
  }).timeout(20_000);
});
