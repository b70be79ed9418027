import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { VERSIONS, parseSending } from "./index.ts";
import type { LayerVersion, Sending } from "./index.ts";

const M = "0c8f66a0-9d5b-4d0f-8b5f-7c6a5a4a3b21";
const P = "5b1f0c7e-3a0f-4f6f-9d3a-2f1e0d9c8b7a";
const K = "7d3f0c7e-3a0f-4f6f-9d3a-2f1e0d9c8b7c";
const LIMITS = { maxParts: 3, maxPartBytes: 2048, maxMessages: 12 };
const PART = { mime_type: "text/plain", body: "hi" };
const STORED = { partId: null, mimeType: "text/plain", body: "hi", encoding: null, content: null };

const parse = (version: LayerVersion, body: unknown, sender: string | null = null): Sending =>
  parseSending(body, { ...LIMITS, version, sender, idOf: (_, index) => (index === 0 ? M : `message ${index}`) });

/** A good body of each version, with changes. */
const aBody = (version: LayerVersion, changes: Readonly<Record<string, unknown>> = {}) => ({
  ...(version.startsWith("1.") ? { sender: { name: "Shop" } } : { sender_id: "layer:///identities/u1" }),
  parts: [PART],
  ...changes,
});

describe("the body of a message", () => {
  it("is from a name or a user in 1.x", () => {
    for (const version of ["1.0", "1.1"] as const) {
      const named = { messageId: M, sender: { name: "Shop" }, parts: [STORED], notification: null };
      expect(parse(version, aBody(version))).to.deep.equal({ kind: "now", message: named });
      const byUser = parse(version, aBody(version, { sender: { user_id: "a/b", name: null } }));
      expect(byUser).to.have.deep.nested.property("message.sender", { userId: "a/b" });
    }
  });

  it("is from an identity from 2.0, by its id or the user's, and knows no names any more", () => {
    for (const version of ["2.0", "3.0"] as const) {
      for (const sender_id of ["layer:///identities/a%2Fb", "a/b"]) {
        const sending = parse(version, aBody(version, { sender_id, sender: { name: "ignored" } }));
        expect(sending).to.have.deep.nested.property("message.sender", { userId: "a/b" });
      }
    }
  });

  it("needs no sender from a user herself, and takes no other", () => {
    for (const version of VERSIONS) {
      const body = { parts: [PART], sender: { name: "Shop" }, sender_id: "somebody else" };
      expect(parse(version, body, "ann")).to.have.deep.nested.property("message.sender", { userId: "ann" });
    }
  });

  it("may go with a notification, in the form of its version", () => {
    const body = aBody("2.0", { notification: { text: "Hi", recipients: [{ recipient: "u2", text: "Ho" }] } });
    expect(parse("2.0", body)).to.have.deep.nested.property("message.notification", {
      text: "Hi",
      recipients: { u2: { text: "Ho" } },
    });
  });

  it("has parts with text, bytes or content that was uploaded before", () => {
    const parts = [
      { mime_type: "image/png", body: "/9j/4A==", encoding: "base64" },
      { mime_type: "text/plain", body: "aMOpbGxv", encoding: "base64" },
      {
        mime_type: "video/mp4",
        body: "ignored",
        encoding: "base64",
        content: { id: `layer:///content/${K}`, size: 9 },
      },
    ];
    expect(parse("3.0", aBody("3.0", { parts }))).to.have.deep.nested.property("message.parts", [
      { ...STORED, mimeType: "image/png", body: "/9j/4A==", encoding: "base64" },
      { ...STORED, body: "héllo" },
      { ...STORED, mimeType: "video/mp4", body: null, content: { contentId: K, size: 9 } },
    ]);
  });

  it("may name its parts in 3.0, under the message's own id", () => {
    for (const id of [`layer:///messages/${M}/parts/${P}`, `layer:///messages/${M}/parts/${P.toUpperCase()}`, P]) {
      const sending = parse("3.0", aBody("3.0", { parts: [{ ...PART, id }] }));
      expect(sending).to.have.nested.property("message.parts[0].partId", P);
    }
    const old = parse("2.0", aBody("2.0", { parts: [{ ...PART, id: `layer:///messages/${M}/parts/0` }] }));
    expect(old).to.have.nested.property("message.parts[0].partId", null);
    for (const id of [`layer:///messages/${K}/parts/${P}`, `layer:///messages/${M}/parts/0`, "first", 7]) {
      const body = aBody("3.0", { parts: [{ ...PART, id }] });
      expect(refusal(() => parse("3.0", body))).to.equal("invalid_property parts.id");
    }
    const twice = aBody("3.0", {
      parts: [
        { ...PART, id: P },
        { ...PART, id: P },
      ],
    });
    expect(refusal(() => parse("3.0", twice))).to.equal("invalid_property parts.id");
  });

  it("is missing its sender first, then its parts, and only then has bad values", () => {
    for (const version of VERSIONS) {
      const senderProperty = version.startsWith("1.") ? "sender" : "sender_id";
      expect(refusal(() => parse(version, {}))).to.equal(`missing_property ${senderProperty}`);
      const { parts: _, ...senderOnly } = aBody(version, { sender: 7, sender_id: 7 });
      expect(refusal(() => parse(version, senderOnly))).to.equal("missing_property parts");
      const noParts = aBody(version, { parts: [], sender: 7, sender_id: 7 });
      expect(refusal(() => parse(version, noParts))).to.equal("missing_property parts");
      const noType = aBody(version, { parts: [{ body: "x" }] });
      expect(refusal(() => parse(version, noType))).to.equal("missing_property parts.mime_type");
      const noBody = aBody(version, { parts: [{ mime_type: "x" }] });
      expect(refusal(() => parse(version, noBody))).to.equal("missing_property parts.body");
      const bad = aBody(version, { sender: 7, sender_id: 7 });
      expect(refusal(() => parse(version, bad))).to.equal(`invalid_property ${senderProperty}`);
    }
    expect(refusal(() => parse("1.0", { sender: {}, parts: [PART] }))).to.equal("missing_property sender");
    expect(refusal(() => parse("3.0", "text"))).to.equal("invalid_request");
  });

  it("is refused in 1.x with both kinds of sender at once", () => {
    const body = aBody("1.0", { sender: { name: "Shop", user_id: "u1" } });
    expect(refusal(() => parse("1.0", body))).to.equal("invalid_property sender");
    expect(refusal(() => parse("1.0", aBody("1.0", { sender: { user_id: 7 } })))).to.equal(
      "invalid_property sender.user_id",
    );
    expect(refusal(() => parse("1.0", aBody("1.0", { sender: { name: "" } })))).to.equal(
      "invalid_property sender.name",
    );
  });

  it("is refused with bad parts", () => {
    const refused: readonly [unknown, string][] = [
      ["hi", "parts"],
      [["hi"], "parts"],
      [Array.from({ length: 4 }, () => PART), "parts"],
      [[{ ...PART, mime_type: 7 }], "parts.mime_type"],
      [[{ ...PART, body: 7 }], "parts.body"],
      [[{ ...PART, body: "x".repeat(2049) }], "parts.body"],
      [[{ ...PART, encoding: "utf8" }], "parts.encoding"],
      [[{ ...PART, body: "*", encoding: "base64" }], "parts.encoding"],
      [[{ ...PART, content: { id: "x", size: 1 } }], "parts.content"],
      [[{ ...PART, content: "x" }], "parts.content"],
    ];
    for (const [parts, property] of refused) {
      expect(refusal(() => parse("3.0", aBody("3.0", { parts })))).to.equal(`invalid_property ${property}`);
    }
  });
});

describe("a message for later", () => {
  it("is one with a schedule, in every version", () => {
    for (const version of VERSIONS) {
      const body = aBody(version, { schedule: { delay_in_seconds: 2, typing_indicator_in_seconds: 1 } });
      expect(parse(version, body)).to.have.nested.property("kind", "later");
      expect(parse(version, body)).to.have.deep.nested.include({
        "messages[0].delayMs": 2_000,
        "messages[0].typingMs": 1_000,
      });
    }
    const empty = aBody("3.0", { schedule: {} });
    expect(refusal(() => parse("3.0", empty))).to.equal("missing_property schedule.delay_in_seconds");
  });

  it("may be one of a batch from 2.0, each with an id, a sender and a delay of its own, in their order", () => {
    const batch = [aBody("3.0"), aBody("3.0", { sender_id: "u2", schedule: { delay_in_seconds: 0.5 } })];
    for (const version of ["2.0", "3.0"] as const) {
      const sending = parse(version, batch);
      expect(sending).to.have.deep.nested.include({
        "messages[0].messageId": M,
        "messages[0].delayMs": 0,
        "messages[1].messageId": "message 1",
        "messages[1].sender": { userId: "u2" },
        "messages[1].delayMs": 500,
      });
    }
    expect(refusal(() => parse("1.1", batch))).to.equal("invalid_request");
  });

  it("is refused in a batch of none or too many, or with a single bad one", () => {
    expect(refusal(() => parse("3.0", []))).to.equal("invalid_property messages");
    const thirteen = Array.from({ length: 13 }, () => aBody("3.0"));
    expect(refusal(() => parse("3.0", thirteen))).to.equal("invalid_property messages");
    const bad = [aBody("3.0", { sender_id: 7 }), { sender_id: "u1" }];
    expect(refusal(() => parse("3.0", bad))).to.equal("missing_property parts");
    expect(refusal(() => parse("3.0", [aBody("3.0"), "hi"]))).to.equal("invalid_request");
    const twice = { ...LIMITS, version: "3.0", sender: null, idOf: () => M } as const;
    expect(refusal(() => parseSending([aBody("3.0"), aBody("3.0")], twice))).to.equal("invalid_property id");
  });
});
