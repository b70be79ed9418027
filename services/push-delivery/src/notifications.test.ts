import { randomUUID } from "node:crypto";
import { GetAnnouncementContent, GetMessageNotification, type Notification, type ReplyOf } from "@strata/contracts";
import type { Client } from "@strata/messaging";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import { type Notifications, notificationsOver } from "./notifications.ts";

const PARTS = [{ mimeType: "text/plain", body: "hello", encoding: null }];

const NONE_STORED = { find: async () => null };

/** The answers of announcement-fanout and conversation, and which announcements and messages they were asked about. */
function contents(answer: (id: string) => Notification | null | Promise<never>, freshMs = 60_000) {
  const asked: string[] = [];
  const answerTo = async (id: string) => {
    asked.push(id);
    return answer(id);
  };
  const client: Pick<Client, "ask"> = {
    async ask(query, _app, payload) {
      if (query.type === GetMessageNotification.type) {
        const notification = await answerTo(GetMessageNotification.payload.parse(payload).messageId);
        const reply: ReplyOf<typeof GetMessageNotification> = { notification, sender: notification && { name: "Ops" } };
        return query.reply.parse(reply);
      }
      const notification = await answerTo(GetAnnouncementContent.payload.parse(payload).announcementId);
      const reply: ReplyOf<typeof GetAnnouncementContent> = {
        content: notification && { sender: { name: "Ops" }, parts: PARTS, notification },
      };
      return query.reply.parse(reply);
    },
  };
  return {
    notifications: notificationsOver(client, NONE_STORED, {
      announcement: freshMs,
      message: freshMs,
      notification: freshMs,
    }),
    asked,
  };
}

const aboutAnnouncement = (id: string, app = "one") => ({
  app,
  subject: { kind: "announcement", id } as const,
  hasNotification: true,
});
const aboutMessage = (id: string, app = "one") => ({
  app,
  subject: { kind: "message", id, conversationId: randomUUID() } as const,
  hasNotification: true,
});

/** What is pushed to Ann. */
const toAnn = async (notifications: Notifications, about: Parameters<Notifications["of"]>[0]) =>
  (await notifications.of(about, ["ann"]))?.("ann") ?? null;

describe("notifications", () => {
  for (const [kind, about] of [
    ["announcement", aboutAnnouncement],
    ["message", aboutMessage],
  ] as const) {
    it(`asks once per ${kind}, also when many want it at once`, async () => {
      const { notifications, asked } = contents(() => ({ text: "hello" }));
      const id = randomUUID();
      const answers = await Promise.all(Array.from({ length: 30 }, () => toAnn(notifications, about(id))));
      expect(new Set(answers.map((answer) => answer?.text))).to.deep.equal(new Set(["hello"]));
      await toAnn(notifications, about(id, anAppId()));
      expect(asked, `another app's ${kind} may have the same id`).to.have.lengthOf(2);
    });

    it(`asks nothing about ${kind}s without a notification`, async () => {
      const { notifications, asked } = contents(() => ({ text: "hello" }));
      expect(await toAnn(notifications, { ...about(randomUUID()), hasNotification: false })).to.deep.equal({});
      expect(asked).to.deep.equal([]);
    });

    it(`asks about ${kind}s again after a failure`, async () => {
      let failures = 1;
      const { notifications, asked } = contents(() =>
        (failures -= 1) >= 0 ? Promise.reject(new Error("away")) : { text: "hello" },
      );
      const id = randomUUID();
      expect(await toAnn(notifications, about(id)).catch(String)).to.equal("Error: away");
      expect(await toAnn(notifications, about(id))).to.deep.equal({ text: "hello" });
      expect(asked).to.have.lengthOf(2);
    });
  }

  it("takes a message for another than the announcement of the same id", async () => {
    const { notifications, asked } = contents(() => ({ text: "hello" }));
    const id = randomUUID();
    await toAnn(notifications, aboutMessage(id));
    await toAnn(notifications, aboutAnnouncement(id));
    expect(asked).to.deep.equal([id, id]);
  });

  it("learns that a message was deleted, or an announcement recalled, after it was first asked about", async () => {
    let isGone = false;
    const { notifications } = contents(() => (isGone ? null : { text: "hello" }), 50);
    const pushed = [aboutMessage(randomUUID()), aboutAnnouncement(randomUUID())];
    for (const one of pushed) expect(await toAnn(notifications, one)).to.deep.equal({ text: "hello" });
    isGone = true;
    await eventually(() => Promise.all(pushed.map((one) => toAnn(notifications, one))), [null, null]);
  });

  it("forgets what was used least recently when it holds too much", async () => {
    const recipients = Object.fromEntries(Array.from({ length: 80_000 }, (_, n) => [`user-${n}`, { text: "you" }]));
    const { notifications, asked } = contents(() => ({ text: "hello", recipients }));
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    for (const announcement of [a, b, a, c, a]) await toAnn(notifications, aboutAnnouncement(announcement));
    expect(asked).to.deep.equal([a, b, c]);
    await toAnn(notifications, aboutAnnouncement(b));
    expect(asked).to.deep.equal([a, b, c, b]);
  }).timeout(20_000);
});
