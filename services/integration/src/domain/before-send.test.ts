import type { AskBeforeSend, NewPart, PayloadOf } from "@strata/contracts";
import { expect } from "chai";
import { questionOf, verdictOf } from "./before-send.ts";

const [messageId, conversationId, contentId] = [
  "2c4d8e10-93b1-4a7f-9a54-0d2f6b3e7c02",
  "1f9a7a3c-6b0e-4c55-8d11-5b7d6c1a0e01",
  "4e6fa032-b5d3-4c91-9c76-2f418d509e04",
];
const text: NewPart = { partId: null, mimeType: "text/plain", body: "hi", encoding: null, content: null };
const image: NewPart = { ...text, mimeType: "image/png", body: null, content: { contentId, size: 7 } };
const notification = { title: "Ann", text: "hi", sound: "ping", recipients: { b: { text: "hi b" } } };
const question: PayloadOf<typeof AskBeforeSend> = {
  webhook: { url: "https://backend.example.com", timeoutMs: 1_000 },
  subject: "users",
  message: { messageId, conversationId, sender: { userId: "a/b" }, parts: [text, image], notification },
};
const said = (answer: unknown, asked = question) => verdictOf({ status: 200, body: JSON.stringify(answer) }, asked);
const why = (answer: unknown) => {
  const { outcome, note } = said(answer);
  return outcome === "none" ? note : outcome;
};

describe("a question before a message is sent", () => {
  it("has the message under the names of the wire", () => {
    expect(questionOf(question)).to.deep.equal({
      sent_by: "user",
      message: {
        id: `layer:///messages/${messageId}`,
        conversation: { id: `layer:///conversations/${conversationId}` },
        sender: { id: "layer:///identities/a%2Fb", user_id: "a/b", name: null },
        parts: [
          { mime_type: "text/plain", body: "hi", encoding: null, content: null },
          {
            mime_type: "image/png",
            body: null,
            encoding: null,
            content: { id: `layer:///content/${contentId}`, size: 7 },
          },
        ],
        notification: { title: "Ann", text: "hi" },
      },
    });
    const system = {
      ...question,
      subject: "system" as const,
      message: { ...question.message, sender: { name: "Shop" } },
    };
    expect(questionOf(system))
      .to.have.nested.property("message.sender")
      .that.deep.equals({ id: null, user_id: null, name: "Shop" });
  });

  it("is answered by a word, with a reason or without, or by nothing: that lets it through", () => {
    expect(said({ action: "allow" })).to.deep.equal({ outcome: "allow", note: null });
    expect(said({ action: "flag", reason: "odd" })).to.deep.equal({ outcome: "flag", note: "odd" });
    expect(said({ action: "refuse", reason: null })).to.deep.equal({ outcome: "refuse", note: null });
    for (const [status, body] of [
      [200, ""],
      [204, ""],
      [202, " \n"],
    ] as const) {
      expect(verdictOf({ status, body }, question)).to.deep.equal({ outcome: "allow", note: null });
    }
    expect(said({ action: "flag", reason: "x".repeat(2_000) }).note).to.have.lengthOf(500);
  });

  it("is answered with other words for some of its parts, and for what a phone shows", () => {
    expect(said({ action: "replace", parts: [{ body: "***" }, null], notification: { text: "***" } })).to.deep.equal({
      outcome: "replace",
      note: null,
      parts: [{ mimeType: "text/plain", body: "***" }, null],
      // Nothing is left of what single recipients were to be shown.
      notification: { title: "Ann", text: "***", sound: "ping" },
    });
    const silent = { ...question, message: { ...question.message, notification: null } };
    expect(said({ action: "replace", parts: [null, null], notification: { text: "x" } }, silent)).to.not.have.any.keys(
      "notification",
    );
  });

  it("is not answered by what is not understood, and says what it is about it", () => {
    expect(verdictOf({ status: 500, body: "{}" }, question)).to.deep.equal({
      outcome: "none",
      note: "it answered 500",
    });
    expect(verdictOf({ status: 302, body: "" }, question).note).to.equal("it answered 302");
    expect(verdictOf({ status: 200, body: "<html>" }, question).outcome).to.equal("none");
    expect(why({ action: "ban" })).to.match(/^its answer is not understood: .*action/s);
    expect(why({ action: "replace" })).to.match(/parts/);
    expect(why({ action: "replace", parts: [{ body: "x" }] })).to.equal("its answer has 1 parts, the message has 2");
    expect(why({ action: "replace", parts: [null, { body: "x" }] })).to.equal("its answer replaces uploaded content");
  });
});
