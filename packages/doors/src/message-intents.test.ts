import { expect } from "chai";
import { messageIntents } from "./message-intents.ts";

const A = "0c8f66a0-9d5b-4d0f-8b5f-7c6a5a4a3b21";
const B = "1c8f66a0-9d5b-4d0f-8b5f-7c6a5a4a3b21";
const idsOf = (options: Partial<Parameters<typeof messageIntents>[0]>, bodies: readonly Record<string, unknown>[]) => {
  const intents = messageIntents({ scope: "s", ifNoneMatch: null, idempotencyKey: null, ...options });
  return bodies.map((fields, index) => intents.idOf(fields, index));
};

describe("the ids of messages in one request", () => {
  it("follow from its headers, so that a repeat names the same messages", () => {
    for (const options of [{ ifNoneMatch: A }, { idempotencyKey: "k" }]) {
      const ids = idsOf(options, [{}, {}, {}]);
      expect(idsOf(options, [{}, {}, {}])).to.deep.equal(ids);
      expect(new Set(ids).size).to.equal(3);
    }
    expect(idsOf({ ifNoneMatch: A }, [{}])).to.deep.equal([A]);
    expect(idsOf({ idempotencyKey: "k" }, [{}])).not.to.deep.equal(idsOf({ idempotencyKey: "l" }, [{}]));
  });

  it("are those that the messages bring, but for the first where the header names it", () => {
    const bodies = [{ id: `layer:///messages/${B}` }, { id: A }];
    expect(idsOf({}, bodies)).to.deep.equal([B, A]);
    expect(idsOf({ ifNoneMatch: A }, [{ id: B }])).to.deep.equal([A]);
  });

  it("are new ones where nothing says otherwise", () => {
    expect(idsOf({}, [{}])).not.to.deep.equal(idsOf({}, [{}]));
  });

  it("are refused where a message brings none that can be one", () => {});
});
