import type { Notification, NotificationContent } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import { buildApnsPayload } from "./apns-payload.ts";
import { buildFcmBody } from "./fcm-payload.ts";
import { notificationFor } from "./notification-for.ts";
import { type PayloadFault, payloadFaults } from "./payload-faults.ts";
import { pushOf } from "./push-of.ts";

const faultsOf = (notification: Notification): readonly PayloadFault[] =>
  [...payloadFaults("announcement", notification, "ann")].filter((fault) => fault !== null);

/** What is really sent to her. */
function sent(content: NotificationContent, userId: string) {
  const id = "f1a5c8d2-3c92-41e4-baad-164230d1df67";
  const subject = { kind: "announcement", id } as const;
  const push = pushOf({ device: { token: "t" }, subject, content, userId, ttlSeconds: 60, badge: 123_456 });
  return { apns: buildApnsPayload(push), fcm: buildFcmBody(push) };
}

const someText = fc.oneof(fc.string({ maxLength: 900 }), fc.string({ unit: "grapheme", maxLength: 300 }));
const someJson = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 8 });
const someContent: fc.Arbitrary<NotificationContent> = fc.record(
  {
    title: someText,
    text: someText,
    sound: fc.string({ maxLength: 20 }),
    category: fc.string({ maxLength: 20 }),
    locKey: fc.string({ maxLength: 20 }),
    titleLocKey: fc.string({ maxLength: 20 }),
    locArgs: fc.array(fc.string({ maxLength: 400 }), { maxLength: 4 }),
    titleLocArgs: fc.array(fc.string({ maxLength: 9 }), { maxLength: 9 }),
    actionLocKey: fc.string({ maxLength: 20 }),
    data: someJson,
    apns: someJson,
    fcm: someJson,
    collapseId: fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 64 }),
    threadId: fc.string({ maxLength: 64 }),
    interruptionLevel: fc.constantFrom("passive", "time-sensitive"),
    relevanceScore: fc.double({ min: 0, max: 1, noNaN: true }),
    mutableContent: fc.boolean(),
    contentAvailable: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe("payloadFaults", () => {
  it("names the size per platform of what is too long for all, counted as UTF-8", () => {
    const [fault] = faultsOf({ text: "ä".repeat(2_050) });
    expect(fault?.userId).to.equal(null);
    for (const size of Object.values(fault?.sizes ?? {})) {
      expect(size.limit).to.equal(4_096);
      expect(size.bytes).to.be.within(4_150, 4_400);
    }
    expect(faultsOf({ text: "a".repeat(3_500) })).to.deep.equal([]);
  });

  it("names whose override is too long, with what it inherits", () => {
    const recipients = { bob: { text: "short" }, cid: { data: { more: "x".repeat(1_000) } } };
    expect(faultsOf({ text: "x".repeat(3_500), recipients }).map(({ userId }) => userId)).to.deep.equal(["cid"]);
    const alone = { dan: { text: "x".repeat(4_096) } };
    expect(faultsOf({ recipients: alone }).map(({ userId }) => userId)).to.deep.equal(["dan"]);
  });

  it("knows what texts inside of texts take", () => {
    const recipients = { bob: { data: { quoted: ['"'.repeat(1_000)] } }, cid: { data: { quoted: ['"'.repeat(900)] } } };
    expect(faultsOf({ text: "x", recipients }).map(({ userId, sizes }) => [userId, sizes.apns.reason])).to.deep.equal([
      ["bob", null],
    ]);
  });

  it("tells what no provider would take from what is too long", () => {
    const [fault] = faultsOf({ text: "x", data: { from: "me" } });
    expect(fault?.sizes.fcm).to.deep.include({ bytes: null, reason: "reserved_data_key: from" });
    expect(fault?.sizes.apns.reason).to.equal(null);
  });

  it("lets nothing pass that would not be taken when it is pushed, whoever has an override", () => {
    fc.assert(
      fc.property(someContent, fc.dictionary(fc.string({ minLength: 1, maxLength: 9 }), someContent), (common, own) => {
        const notification = { ...common, recipients: own };
        const faulty = new Set(faultsOf(notification).map(({ userId }) => userId));
        const isTaken = (userId: string) =>
          Object.values(sent(notificationFor(notification, userId), userId)).every(({ kind }) => kind === "built");
        if (!faulty.has(null)) expect(isTaken("ann") || Object.hasOwn(own, "ann")).to.equal(true);
        for (const userId of Object.keys(own)) if (!faulty.has(userId)) expect(isTaken(userId), userId).to.equal(true);
      }),
      { numRuns: 150 },
    );
  });
});
