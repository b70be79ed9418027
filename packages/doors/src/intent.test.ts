import { randomUUID } from "node:crypto";
import { isUuid } from "@strata/layer-protocol";
import { assert, expect } from "chai";
import { intentOf } from "./intent.ts";

const keyed = (idempotencyKey: string, scope = "app/announcements") =>
  intentOf({ scope, chosenId: null, idempotencyKey });

describe("intentOf", () => {
  it("creates under the chosen id, and under a new one where there is none", () => {
    const chosenId = randomUUID();
    expect(intentOf({ scope: "s", chosenId, idempotencyKey: null }).id).to.equal(chosenId);
    const [one, other] = [1, 2].map(() => intentOf({ scope: "s", chosenId: null, idempotencyKey: null }));
    expect(one?.id).not.to.equal(other?.id);
    expect(one?.commandId("digest")).to.equal(undefined);
    expect(one?.commandId(() => assert.fail("nobody needs a digest"))).to.equal(undefined);
    expect(keyed("k").commandId(() => "d")).to.equal(keyed("k").commandId("d"));
  });

  it("comes to the same ids by the same key and body, and to others by other ones", () => {
    expect(keyed("k").id).to.equal(keyed("k").id).and.satisfy(isUuid);
    expect(keyed("k").commandId("d")).to.equal(keyed("k").commandId("d")).and.satisfy(isUuid);
    const commands = [
      keyed("k").commandId("d"),
      keyed("k").commandId("e"),
      keyed("k").commandId("d", "start"),
      keyed("l").commandId("d"),
      keyed("k", "another/announcements").commandId("d"),
      intentOf({ scope: "app/announcements", chosenId: randomUUID(), idempotencyKey: "k" }).commandId("d"),
    ];
    expect(new Set(commands).size).to.equal(commands.length);
    expect(keyed("k").id).not.to.equal(keyed("k", "another/announcements").id);
  });

  it("says 409 of an id that was chosen, and 422 of a key that came with another body", () => {
    expect(intentOf({ scope: "s", chosenId: randomUUID(), idempotencyKey: "k" }).inUse({ id: 1 })).to.deep.include({
      status: 409,
      data: { id: 1 },
    });
    expect(keyed("k").inUse({ id: 1 })).to.include({ status: 422, data: undefined });
  });
});
