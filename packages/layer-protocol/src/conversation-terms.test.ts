import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { formatTime, parseConversationTerms, parseScheduleChange } from "./index.ts";

const NOW = Date.parse("2026-11-27T12:00:00Z");
const DAY = 86_400_000;
const reading = { version: "3.0", maxParts: 2, maxPartBytes: 10, now: NOW } as const;
const at = (ms: number): string => formatTime(NOW + ms);
const parts = [{ mime_type: "text/plain", body: "hello" }];
const message = { sender_id: "layer:///identities/operator", parts };
const meant = {
  sender: { userId: "operator" },
  parts: [{ mimeType: "text/plain", body: "hello", encoding: null }],
  notification: null,
};

const parse = (fields: Readonly<Record<string, unknown>>) => parseConversationTerms(fields, reading);
const change = (body: unknown) => parseScheduleChange(body, reading);

describe("what a conversation is asked to do by itself", () => {
  it("is nothing where nothing is asked for, also by nulls", () => {
    expect(parse({ participants: ["a"] })).to.equal(null);
    expect(parse({ opens_at: null, ttl_seconds: null, visible_history: null })).to.equal(null);
  });

  it("is everything that it may be asked for", () => {
    const warning = { before_seconds: 60, ...message };
    expect(
      parse({
        opens_at: at(1_000),
        ttl_seconds: 86_400,
        grace_seconds: 0,
        warning,
        ice_breaker: [message, message],
        visible_history: "from_joining",
      }),
    ).to.deep.equal({
      opensAt: NOW + 1_000,
      closing: { ttlMs: DAY },
      graceMs: 0,
      warning: { beforeMs: 60_000, message: meant },
      iceBreaker: [meant, meant],
      visibleHistory: "from-joining",
    });
    expect(parse({ ice_breaker: message, expires_at: at(DAY) })).to.deep.equal({
      opensAt: null,
      closing: { expiresAt: NOW + DAY },
      graceMs: DAY,
      warning: null,
      iceBreaker: [meant],
      visibleHistory: "all",
    });
  });

  it("opens at once where its opening is over, so that a repeat that comes late is the same request", () => {
    expect(parse({ opens_at: at(-1_000), ttl_seconds: 60 })).to.deep.include({ opensAt: NOW - 1_000 });
    expect(change({ opens_at: at(-1_000) })).to.deep.equal({ opensAt: NOW - 1_000 });
    expect(refusal(() => parse({ opens_at: at(-DAY), expires_at: at(-1) }))).to.equal("invalid_property expires_at");
  });

  it("takes a bare name for a sender in 1.x", () => {
    const named = { sender: { name: "Operations" }, parts };
    const terms = parseConversationTerms({ ice_breaker: named }, { ...reading, version: "1.0" });
    expect(terms?.iceBreaker).to.deep.equal([{ ...meant, sender: { name: "Operations" } }]);
  });

  it("is refused by the property that is wrong, or that does not go with another", () => {
    const closes = { ttl_seconds: 60 };
    const cases: readonly [Readonly<Record<string, unknown>>, string][] = [
      [{ opens_at: "tomorrow" }, "invalid_property opens_at"],
      [{ opens_at: at(401 * DAY) }, "invalid_property opens_at"],
      [{ expires_at: at(-1) }, "invalid_property expires_at"],
      [{ opens_at: at(DAY), expires_at: at(DAY) }, "invalid_property expires_at"],
      [{ expires_at: at(DAY), ttl_seconds: 60 }, "invalid_property ttl_seconds"],
      [{ ttl_seconds: 0 }, "invalid_property ttl_seconds"],
      [{ ttl_seconds: "60" }, "invalid_property ttl_seconds"],
      [{ ttl_seconds: 401 * 86_400 }, "invalid_property ttl_seconds"],
      [{ ...closes, grace_seconds: -1 }, "invalid_property grace_seconds"],
      [{ grace_seconds: 60 }, "invalid_property grace_seconds"],
      [{ warning: { before_seconds: 1, ...message } }, "invalid_property warning"],
      [{ ...closes, warning: "soon" }, "invalid_property warning"],
      [{ ...closes, warning: message }, "missing_property warning.before_seconds"],
      [{ ...closes, warning: { before_seconds: 60, ...message } }, "invalid_property warning.before_seconds"],
      [{ ...closes, warning: { before_seconds: 1, parts } }, "missing_property warning.sender_id"],
      [{ ice_breaker: { parts } }, "missing_property ice_breaker.sender_id"],
      [{ ice_breaker: [message, { sender_id: "operator" }] }, "missing_property ice_breaker.parts"],
      [{ ice_breaker: { ...message, parts: [] } }, "missing_property ice_breaker.parts"],
      [{ ice_breaker: "hello" }, "invalid_property ice_breaker"],
      [{ ice_breaker: Array.from({ length: 13 }, () => message) }, "invalid_property ice_breaker"],
      [
        { ice_breaker: { ...message, parts: [{ mime_type: "a/b", content: { id: "x", size: 1 } }] } },
        "invalid_property ice_breaker.parts.content",
      ],
      [
        { ice_breaker: { ...message, parts: [{ mime_type: "a/b", body: "too long for it" }] } },
        "invalid_property ice_breaker.parts.body",
      ],
      [{ visible_history: "some" }, "invalid_property visible_history"],
    ];
    for (const [fields, expected] of cases) {
      expect(
        refusal(() => parse(fields)),
        JSON.stringify(fields),
      ).to.equal(expected);
    }
  });
});

describe("a change of what it is asked to do", () => {
  it("names what is to be other, and takes away by null", () => {
    expect(change({ opens_at: null, ttl_seconds: null, warning: null, ice_breaker: null })).to.deep.equal({
      opensAt: null,
      closing: null,
      warning: null,
      iceBreaker: [],
    });
    expect(change({ expires_at: at(DAY), grace_seconds: 5 })).to.deep.equal({
      closing: { expiresAt: NOW + DAY },
      graceMs: 5_000,
    });
  });

  it("is refused where it names nothing, or what cannot be", () => {
    expect(refusal(() => change({}))).to.equal("invalid_request");
    expect(refusal(() => change([]))).to.equal("invalid_request");
    expect(refusal(() => change({ visible_history: "all" }))).to.equal("invalid_property visible_history");
    expect(refusal(() => change({ opens_at: "then" }))).to.equal("invalid_property opens_at");
    expect(refusal(() => change({ expires_at: at(DAY), ttl_seconds: 1 }))).to.equal("invalid_property ttl_seconds");
  });
});
