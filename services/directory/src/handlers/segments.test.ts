import { randomUUID } from "node:crypto";
import type { CreateSegment, PayloadOf } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher } from "../../test/support.ts";
import { changeSegment, createSegment, deleteSegment, getSegment, listSegments } from "./segments.ts";

const filter = { field: "metadata.$tier", eq: "gold" } as const;

const corner = (latitude: number, longitude: number) => ({ latitude, longitude });

describe("segments", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let app: string;
  before(async () => {
    stores = await openStores("segments");
  });
  beforeEach(() => {
    app = anAppId();
  });
  after(() => stores[Symbol.asyncDispose]());

  const of = <P>(payload: P, inApp = app) => aDelivery(payload, { app: inApp });
  const deps = () => ({ ...stores, ...recordingPublisher() });
  const creation = (changes: Partial<PayloadOf<typeof CreateSegment>> = {}) =>
    of({ segmentId: randomUUID(), name: "Gold", filter, at: 5, ...changes });
  const create = async (changes: Partial<PayloadOf<typeof CreateSegment>> = {}) => {
    const outcome = await createSegment(deps())(creation(changes));
    if (outcome.kind !== "reply" || !outcome.reply.segment) throw new Error(`not created: ${outcome.kind}`);
    return outcome.reply.segment;
  };
  const found = async (segmentId: string, inApp = app) => {
    const outcome = await getSegment(stores)(of({ segmentId }, inApp));
    return outcome.kind === "reply" ? outcome.reply.segment : outcome;
  };

  const list = async (after: string | null, limit: number) => {
    const outcome = await listSegments(stores)(of({ after, limit }));
    if (outcome.kind !== "reply") throw new Error("not answered");
    return [outcome.reply.segments.map(({ name }) => name), outcome.reply.total];
  };

  it("are created, told of, and found in their app alone", async () => {
    const { events, publisher } = recordingPublisher();
    const delivery = creation();
    const { segmentId } = delivery.payload;
    const segment = { segmentId, name: "Gold", filter, createdAt: 5, updatedAt: 5, version: 1 };
    const created = { kind: "reply", reply: { outcome: "created", segment } };
    expect(await createSegment({ ...stores, publisher })(delivery)).to.deep.equal(created);
    expect(await createSegment({ ...stores, publisher })(delivery)).to.deep.equal(created);
    expect(events[0]).to.deep.include({ type: "directory.segment.created.v1", payload: { segmentId, version: 1 } });
    expect(events[1]).to.deep.equal(events[0]);
    expect(await found(segmentId)).to.deep.equal(segment);
    expect(await found(segmentId, anAppId())).to.equal(null);
  });

  it("have ids and names of their own, in each app", async () => {
    const segment = await create();
    const again = await createSegment(deps())(creation({ segmentId: segment.segmentId, name: "Other" }));
    expect(again).to.deep.equal({ kind: "reply", reply: { outcome: "in-use", segment } });
    expect(await createSegment(deps())(creation())).to.have.nested.property("error.code", "conflict");
    const elsewhere = of({ ...creation().payload, segmentId: segment.segmentId }, anAppId());
    expect(await createSegment(deps())(elsewhere)).to.have.nested.property("reply.outcome", "created");
  });

  it("change what is named, once for each command, and have a version for it", async () => {
    const { segmentId } = await create();
    const other = { field: "user_id", exists: true } as const;
    const renaming = of({ segmentId, name: "Silver", at: 9 });
    const { events, publisher } = recordingPublisher();
    const change = changeSegment({ ...stores, publisher });
    await change(renaming);
    await change(of({ segmentId, filter: other, at: 10 }));
    const outcome = await change(renaming);
    const expected = { segmentId, name: "Silver", filter: other, createdAt: 5, updatedAt: 10, version: 3 };
    expect(outcome).to.deep.equal({ kind: "reply", reply: expected });
    expect(await found(segmentId)).to.deep.equal(expected);
    expect(events.map(({ payload }) => payload)).to.deep.equal([2, 3, 3].map((version) => ({ segmentId, version })));
  });

  it("keep their name when another has the wanted one", async () => {
    const [gold, silver] = [await create(), await create({ name: "Silver" })];
    const outcome = await changeSegment(deps())(of({ segmentId: silver.segmentId, name: "Gold", at: 9 }));
    expect(outcome).to.have.nested.property("error.code", "conflict");
    expect(await found(silver.segmentId)).to.deep.equal(silver);
    await deleteSegment(deps())(of({ segmentId: gold.segmentId, at: 9 }));
    await changeSegment(deps())(of({ segmentId: silver.segmentId, name: "Gold", at: 9 }));
    expect(await found(silver.segmentId)).to.include({ name: "Gold" });
  });

  it("are deleted for good, and that is told again when the command comes again", async () => {
    const created = creation();
    await createSegment(deps())(created);
    const { segmentId } = created.payload;
    const deletion = of({ segmentId, at: 9 });
    const { outcome, events } = await afterFailedPublish(stores, deleteSegment, deletion);
    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(events[0]).to.deep.include({ type: "directory.segment.deleted.v1", payload: { segmentId, version: 2 } });
    expect(await found(segmentId)).to.equal(null);
    // Neither its own creation nor another brings it back.
    for (const late of [created, creation({ segmentId })]) {
      const again = await createSegment(deps())(late);
      expect(again).to.deep.equal({ kind: "reply", reply: { outcome: "in-use", segment: null } });
    }
    for (const refused of [
      deleteSegment(deps())(of({ segmentId, at: 10 })),
      changeSegment(deps())(of({ segmentId, name: "x", at: 10 })),
      changeSegment(deps())(of({ segmentId: randomUUID(), name: "x", at: 10 })),
    ]) {
      expect(await refused).to.have.nested.property("error.code", "not_found");
    }
  });

  it("are not another app's to change or to delete", async () => {
    const segment = await create();
    const { segmentId } = segment;
    const other = anAppId();
    expect(await changeSegment(deps())(of({ segmentId, name: "x", at: 9 }, other))).to.have.property("kind", "refuse");
    expect(await deleteSegment(deps())(of({ segmentId, at: 9 }, other))).to.have.property("kind", "refuse");
    expect(await found(segmentId)).to.deep.equal(segment);
  });

  it("refuse a polygon whose edges cross, new or changed", async () => {
    const crossed = { within: { polygon: [corner(0, 0), corner(1, 1), corner(1, 0), corner(0, 1)] } };
    const { segmentId } = await create();
    for (const act of [
      () => createSegment(deps())(creation({ name: "Crossed", filter: crossed })),
      () => changeSegment(deps())(of({ segmentId, filter: { not: crossed }, at: 9 })),
    ]) {
      const refusal = await act().catch((error: unknown) => error);
      expect(refusal).to.deep.include({ code: "invalid_property", details: { property: "within.polygon" } });
    }
  });

  it("are listed by name, in pages, with their number", async () => {
    for (const name of ["b", "a", "ä", "c"]) await create({ name });
    expect(await list(null, 3)).to.deep.equal([["a", "b", "c"], 4]);
    expect(await list("c", 3)).to.deep.equal([["ä"], 4]);
    expect(await list("ä", 3)).to.deep.equal([[], 4]);
  });
});
