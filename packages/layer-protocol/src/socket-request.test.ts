import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import { LayerError, parseSocketPacket } from "./index.ts";

const UUID = "c0c0c0c0-0000-4000-8000-00000000000a";
const parse = (packet: unknown) => parseSocketPacket(JSON.stringify(packet));
const refused = (packet: unknown) => refusal(() => parse(packet));
const request = (body: unknown) => ({ type: "request", body });
const signal = (changed: object) => ({
  type: "signal",
  body: {
    type: "typing_indicator",
    object: { id: `layer:///conversations/${UUID}` },
    data: { action: "started" },
    ...changed,
  },
});

describe("a packet of a client", () => {
  it("is a request with what it names, and nothing of it looked into", () => {
    const body = { request_id: "r1", method: "Message.create", object_id: "any text", data: [1] };
    expect(parse(request(body))).to.deep.equal({
      kind: "request",
      requestId: "r1",
      method: "Message.create",
      objectId: "any text",
      data: [1],
    });
  });

  it("is a request that can be answered, however wrong the rest of it is", () => {
    const bare = { kind: "request", requestId: "", method: "", objectId: null, data: undefined };
    expect(parse(request({ request_id: "" }))).to.deep.equal(bare);
    for (const wrong of [7, null, {}, [], true]) {
      const parsed = parse(request({ request_id: "r", method: wrong, object_id: wrong, data: wrong, more: wrong }));
      expect(parsed).to.deep.equal({ kind: "request", requestId: "r", method: "", objectId: null, data: wrong });
    }
    expect(parse(request({ request_id: "r".repeat(256) })))
      .to.have.property("requestId")
      .with.length(256);
  });

  it("is no request without an id to answer under", () => {
    for (const id of [undefined, null, 7, {}, ["r"], "r".repeat(257)]) {
      expect(refused(request({ request_id: id, method: "Counter.read" }))).to.equal("invalid_property body.request_id");
    }
  });

  for (const text of ["", " ", "no json", "{", '{"type":"request"', "\0", "NaN", "undefined"]) {
    it(`is not ${JSON.stringify(text)}`, () => {
      expect(refusal(() => parseSocketPacket(text))).to.equal("invalid_request");
    });
  }

  for (const packet of [null, 7, "request", [], {}, { type: "request" }, { body: {} }, request(null), request([])]) {
    it(`is not ${JSON.stringify(packet)}`, () => {
      expect(refused(packet)).to.match(/^invalid_(request|property type)/);
    });
  }

  it("is of no other type", () => {
    for (const type of ["response", "change", "operation", "", null, 7, "__proto__"]) {
      expect(refused({ type, body: { request_id: "r" } })).to.equal("invalid_property type");
    }
  });

  it("is refused as a mistake, whatever its bytes", () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((body) => JSON.stringify(request(body))),
      fc.jsonValue().map((body) => JSON.stringify({ type: "signal", body })),
    );
    fc.assert(
      fc.property(anything, (text) => {
        try {
          parseSocketPacket(text);
        } catch (error) {
          expect(error).to.be.instanceOf(LayerError);
        }
      }),
    );
  });
});

describe("a typing signal of a client", () => {
  it("says what she does in which conversation, by its id in any of its forms", () => {
    for (const action of ["started", "paused", "finished"]) {
      for (const id of [`layer:///conversations/${UUID}`, UUID, UUID.toUpperCase()]) {
        expect(parse(signal({ object: { id }, data: { action } }))).to.deep.equal({
          kind: "typing",
          conversationId: UUID,
          action,
        });
      }
    }
  });

  it("is of no other type", () => {
    for (const type of [undefined, null, "typing", 7]) {
      expect(refused(signal({ type }))).to.equal("invalid_property body.type");
    }
  });

  it("names a conversation", () => {
    for (const object of [undefined, null, UUID, [], {}, { id: 7 }, { id: "" }, { id: `layer:///messages/${UUID}` }]) {
      expect(refused(signal({ object }))).to.equal("invalid_property body.object.id");
    }
  });

  it("says what she does", () => {
    for (const data of [undefined, null, [], {}, "started", { action: "typing" }, { action: ["started"] }]) {
      expect(refused(signal({ data }))).to.equal("invalid_property body.data.action");
    }
  });
});
