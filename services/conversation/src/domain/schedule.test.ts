import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDraft } from "../../test/messages.ts";
import { beginConversation } from "./conversation.ts";
import { afterMessage, afterTyping, newSchedule, nextSending, type ScheduleRow } from "./schedule.ts";

describe("a schedule", () => {
  const app = anAppId();
  const conversationId = "6a1d4f0c-3c1a-4d0e-9a57-1f2f3d4c5b6a";
  const conversation = beginConversation({
    app,
    conversationId,
    participants: userIds(2),
    distinct: false,
    metadata: {},
    at: 1,
    by: "c",
  });
  type Draft = Parameters<typeof newSchedule>[0]["payload"]["messages"][number];
  const scheduleOf = (...messages: readonly Partial<Draft>[]): ScheduleRow =>
    newSchedule(
      {
        app,
        id: "command-1",
        payload: {
          conversationId,
          at: 1_000,
          messages: messages.map((changed) => {
            const { conversationId: _, ...draft } = aDraft(conversationId);
            return Object.assign(draft, { delayMs: 0, typingMs: 0 }, changed);
          }),
        },
      },
      conversation,
    );

  it("is due when its first message is, or when its sender is to be shown typing before", () => {
    expect(scheduleOf({ delayMs: 500 })).to.deep.include({ sendAt: 1_500, dueAt: 1_500, isTypingDue: false });
    const typing = scheduleOf({ delayMs: 500, typingMs: 200 });
    expect(typing).to.deep.include({ sendAt: 1_500, dueAt: 1_300, isTypingDue: true });
    expect(afterTyping(typing)).to.deep.include({ next: 0, sendAt: 1_500, dueAt: 1_500, isTypingDue: false });
  });

  it("shows nobody typing for longer than the delay", () => {
    expect(scheduleOf({ delayMs: 100, typingMs: 900 })).to.deep.include({ sendAt: 1_100, dueAt: 1_000 });
  });

  it("counts each delay from the message before, as it was planned, or as it was sent where that was much later", () => {
    const row = scheduleOf({ delayMs: 500 }, { delayMs: 300 });
    expect(afterMessage(row, 1_600)).to.deep.include({ next: 1, sendAt: 1_800 });
    expect(afterMessage(row, 91_500)).to.deep.include({ next: 1, sendAt: 90_800 });
  });

  it("ends behind its last message", () => {
    expect(afterMessage(scheduleOf({}), 1_000)).to.deep.include({ next: 1, dueAt: null });
  });

  it("sends under ids that are the same each time", () => {
    const row = scheduleOf({}, {});
    expect(nextSending(row)).to.deep.include({ id: "command-1.0" });
    expect(nextSending({ ...row, next: 1 })).to.deep.include({ id: "command-1.1" });
    expect(nextSending({ ...row, next: 2 })).to.equal(null);
  });

  it("is bound to its sender's being in the conversation, where he is when it is made", () => {
    const authorities = scheduleOf(
      { authority: "backend" },
      { authority: "backend", sender: { userId: aUserId(9) } },
      { authority: "backend", sender: { name: "System" } },
      { authority: "user" },
    ).messages.map(({ authority }) => authority);
    expect(authorities).to.deep.equal(["participant", "backend", "backend", "user"]);
  });
});
