import type { NotificationContent } from "@strata/contracts";
import { expect } from "chai";
import { buildApnsPayload } from "./apns-payload.ts";
import { buildFcmBody } from "./fcm-payload.ts";
import type { Push } from "./push.ts";
import { pushOf } from "./push-of.ts";

const built = (content: NotificationContent, changes: Partial<Push> = {}) => {
  const subject = { kind: "notification", id: "n1" } as const;
  const push = { ...pushOf({ device: { token: "t" }, subject, content, userId: "ann", ttlSeconds: 60 }), ...changes };
  const [apns, fcm] = [buildApnsPayload(push), buildFcmBody(push)];
  if (apns.kind !== "built" || fcm.kind !== "built") throw new Error("not built");
  const { message } = JSON.parse(fcm.payload);
  return { apns: apns.payload, aps: Object(apns.payload.body["aps"]), message };
};

const prioritiesOf = (content: NotificationContent) => {
  const { apns, message } = built(content);
  return [apns.priority, message.android.priority, message.apns.headers["apns-priority"]];
};

/** Each key: what it is to APNs (in `aps`), and to FCM (in its message); FCM tells Apple's phones the same. */
const keys: readonly [NotificationContent, object, readonly (readonly [string, unknown])[]][] = [
  [{ title: "T" }, { alert: { title: "T" } }, [["notification.title", "T"]]],
  [{ text: "x" }, { alert: { body: "x" } }, [["notification.body", "x"]]],
  [
    { sound: "s" },
    { sound: "s" },
    [
      ["android.notification.sound", "s"],
      ["apns.payload.aps.sound", "s"],
    ],
  ],
  [{ text: "x", category: "c" }, { category: "c" }, [["apns.payload.aps.category", "c"]]],
  [{ titleLocKey: "K" }, { alert: { "title-loc-key": "K" } }, [["android.notification.title_loc_key", "K"]]],
  [
    { text: "x", titleLocArgs: ["a"] },
    { alert: { body: "x", "title-loc-args": ["a"] } },
    [["android.notification.title_loc_args", ["a"]]],
  ],
  [{ locKey: "K" }, { alert: { "loc-key": "K" } }, [["android.notification.body_loc_key", "K"]]],
  [
    { text: "x", locArgs: ["a"] },
    { alert: { body: "x", "loc-args": ["a"] } },
    [["android.notification.body_loc_args", ["a"]]],
  ],
  [{ text: "x", actionLocKey: "K" }, { alert: { body: "x", "action-loc-key": "K" } }, []],
  [
    { text: "x", apns: { "launch-image": "i.png", "url-args": ["a"], badge: 7 } },
    { alert: { body: "x", "launch-image": "i.png" }, "url-args": ["a"] },
    [["apns.payload.aps.url-args", ["a"]]],
  ],
  [{ text: "x", fcm: { channel_id: "c" } }, {}, [["android.notification.channel_id", "c"]]],
  [{ text: "x", threadId: "t" }, { "thread-id": "t" }, [["apns.payload.aps.thread-id", "t"]]],
  [
    { text: "x", interruptionLevel: "critical" },
    { "interruption-level": "critical" },
    [["apns.payload.aps.interruption-level", "critical"]],
  ],
  [{ text: "x", relevanceScore: 0.5 }, { "relevance-score": 0.5 }, [["apns.payload.aps.relevance-score", 0.5]]],
  [{ text: "x", mutableContent: true }, { "mutable-content": 1 }, [["apns.payload.aps.mutable-content", 1]]],
  [
    { text: "x", mutableContent: false, apns: { "mutable-content": 1 } },
    { "mutable-content": 0 },
    [["apns.payload.aps.mutable-content", 0]],
  ],
  [{ text: "x", contentAvailable: true }, { "content-available": 1 }, [["apns.payload.aps.content-available", 1]]],
];

describe("the payloads", () => {
  for (const [content, toApns, toFcm] of keys) {
    it(`say ${JSON.stringify(content)} as each provider wants it`, () => {
      const { aps, message } = built(content);
      expect(aps).to.deep.include(toApns);
      for (const [path, value] of toFcm) expect(message).to.have.deep.nested.property(path, value);
      expect([aps.badge, message.apns.payload.aps.badge], "it is the server's").to.deep.equal([undefined, undefined]);
    });
  }

  it("carry data as it is to APNs, and as texts to FCM, with what it is about", () => {
    const { apns, message } = built({ text: "x", data: { a: { b: 1 } } });
    expect(apns.body).to.deep.include({ data: { a: { b: 1 } }, strata: { notification_id: "n1", user_id: "ann" } });
    expect(message.data).to.deep.equal({ a: '{"b":1}', notification_id: "n1", user_id: "ann", collapse_id: "n1" });
  });

  it("have the collapse id that was asked for, else that of what is pushed", () => {
    for (const [content, id] of [
      [{ text: "x", collapseId: "score" }, "score"],
      [{ text: "x" }, "n1"],
    ] as const) {
      const { apns, message } = built(content);
      expect([
        apns.collapseId,
        message.android.notification.tag,
        message.apns.headers["apns-collapse-id"],
      ]).to.deep.equal([id, id, id]);
    }
  });

  it("are urgent unless they say otherwise, or there is nothing to see or hear", () => {
    expect(prioritiesOf({ text: "x" })).to.deep.equal([10, "high", "10"]);
    expect(prioritiesOf({ text: "x", priority: "normal" })).to.deep.equal([5, "normal", "5"]);
    expect(prioritiesOf({ data: {} })).to.deep.equal([5, "normal", "5"]);
    expect(prioritiesOf({ data: {}, priority: "high" }), "APNs would refuse 10").to.deep.equal([5, "high", "5"]);
  });

  it("have the server's badge on Apple's phones, 0 too, also where nothing is shown; that is no background push then", () => {
    for (const content of [{ text: "x" }, {}]) {
      for (const badge of [0, 3]) {
        const { apns, aps, message } = built(content, { badge });
        expect([aps.badge, message.apns.payload.aps.badge]).to.deep.equal([badge, badge]);
        expect([apns.pushType, message.apns.headers["apns-push-type"]]).to.deep.equal(["alert", "alert"]);
      }
    }
    expect(built({}, { badge: 3 }).aps).to.deep.equal({ "content-available": 1, badge: 3 });
    expect(built({}).apns.pushType).to.equal("background");
  });
});
