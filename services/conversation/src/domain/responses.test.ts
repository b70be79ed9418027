import { randomUUID } from "node:crypto";
import type { Part } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import { z } from "zod";
import { isSummary, responseIn, withAnswer, withInitialAnswers } from "./responses.ts";

const NODE = "2f8a1c1e-0b7d-4e0e-9b7f-3f6a5f1d2c11";
const [ANN, BOB] = ["layer:///identities/ann", "layer:///identities/bob"];

const aPart = (mimeType: string, body: unknown): Part => ({
  partId: randomUUID(),
  mimeType,
  body: typeof body === "string" ? body : JSON.stringify(body),
  encoding: null,
  content: null,
  updatedAt: null,
});
const question = (): Part[] => [aPart("application/vnd.layer.choice+json;role=root", { question: "Tea?" })];

type Type = "FWW" | "LWW" | "LWWN" | "Set";
const add = (id: string, value: string | number, type: Type = "LWW", name = "selection") =>
  ({ operation: "add", type, name, id, value }) as const;
const remove = (id: string, type: Type = "LWWN", name = "selection") =>
  ({ operation: "remove", type, name, id }) as const;
type Operation = ReturnType<typeof add> | ReturnType<typeof remove>;

/** The parts after these answers, each in a command of its own. */
function answered(parts: Part[], ...answers: readonly (readonly [string, ...Operation[]])[]): Part[] {
  return answers.reduce((all, [identityId, ...operations], index) => {
    const command = { command: `command-${index}`, at: 100 + index };
    return withAnswer(all, { nodeId: NODE, identityId, operations }, command)?.parts ?? all;
  }, parts);
}

const Summary = z.record(
  z.string(),
  z.record(z.string(), z.object({ adds: z.array(z.object({ value: z.unknown() })), removes: z.array(z.string()) })),
);
const summaryIn = (parts: readonly Part[]) => Summary.parse(JSON.parse(parts.find(isSummary)?.body ?? "{}"));

/** What each has answered, as clients read it. */
const valuesOf = (parts: readonly Part[], identityId: string, name = "selection"): unknown =>
  summaryIn(parts)[identityId]?.[name]?.adds.map(({ value }) => value);

/** What one user has answered after these steps. */
const after = (...operations: Operation[]): unknown => valuesOf(answered(question(), [ANN, ...operations]), ANN);

describe("answers to a question", () => {
  it("are kept in one part of it, which names the node that asked", () => {
    const parts = answered(question(), [ANN, add("a1", "tea")], [BOB, add("b1", "coffee")]);
    expect(parts.filter(isSummary).map(({ mimeType }) => mimeType)).to.deep.equal([
      `application/vnd.layer.responsesummary-v2+json;role=response_summary;parent-node-id=${NODE}`,
    ]);
    expect(valuesOf(parts, ANN)).to.deep.equal(["tea"]);
    expect(valuesOf(parts, BOB)).to.deep.equal(["coffee"]);
    expect(parts.at(-1)?.updatedAt).to.equal(101);
  });

  it("count as their type says: the first, the last, the last unless taken back, or all", () => {
    expect(after(add("1", "tea", "FWW"), add("2", "coffee", "FWW"))).to.deep.equal(["tea"]);
    expect(after(add("1", "tea"), add("2", "coffee"), remove("2", "LWW"))).to.deep.equal(["coffee"]);
    expect(after(add("1", "tea", "LWWN"), remove("1"))).to.deep.equal([]);
    const set = [add("1", "tea", "Set"), add("2", "milk", "Set"), add("3", "tea", "Set"), remove("1", "Set")];
    expect(after(...set)).to.deep.equal(["tea", "milk"]);
    expect(after(...set, remove("3", "Set"))).to.deep.equal(["milk"]);
  });

  it("stay removed, though what they remove comes after it", () => {
    expect(valuesOf(answered(question(), [ANN, remove("1")], [ANN, add("1", "tea", "LWWN")]), ANN)).to.deep.equal([]);
  });

  it("change nothing when they come again, in whatever order repeats come", () => {
    const steps = fc.array(
      fc.record({
        id: fc.constantFrom("1", "2", "3", "4"),
        value: fc.constantFrom("tea", "milk"),
        isRemove: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(steps, fc.constantFrom<Type>("FWW", "LWW", "LWWN", "Set"), (some, type) => {
        const operations = some.map(({ id, value, isRemove }) => (isRemove ? remove(id, type) : add(id, value, type)));
        const once = answered(question(), ...operations.map((one): [string, Operation] => [ANN, one]));
        const again = answered(once, ...operations.map((one): [string, Operation] => [ANN, one]));
        expect(valuesOf(again, ANN)).to.deep.equal(valuesOf(once, ANN));
        for (const one of operations) {
          const step = { nodeId: NODE, identityId: ANN, operations: [one] };
          expect(withAnswer(once, step, { command: "again", at: 1 })).to.equal(null);
        }
      }),
    );
  });

  it("are bounded, however much one user toggles", () => {
    const toggles = Array.from({ length: 500 }, (_, n): [string, Operation] => [ANN, add(`t${n}`, n)]);
    const states = Array.from({ length: 80 }, (_, n): [string, Operation] => [
      BOB,
      add(`s${n}`, n, "LWW", `state-${n}`),
    ]);
    const parts = answered(question(), ...toggles, ...states);
    const summary = summaryIn(parts);
    expect(summary[ANN]?.["selection"]?.removes).to.have.lengthOf(100);
    expect(valuesOf(parts, ANN)).to.deep.equal([499]);
    expect(Object.keys(summary[BOB] ?? {})).to.have.lengthOf(50);
  });

  it("are read from what the published client sends, and from nothing else", () => {
    const messageId = randomUUID();
    const body = {
      response_to: `layer:///messages/${messageId}`,
      response_to_node_id: NODE,
      changes: [add("1", "tea")],
    };
    const type = "application/vnd.layer.response-v2+json;role=root;node-id=x";
    expect(responseIn([aPart(type, body)])).to.deep.equal({ messageId, nodeId: NODE, operations: body.changes });
    const others = [
      aPart("application/json", body),
      aPart(type, "no json"),
      aPart(type, { ...body, response_to: "layer:///conversations/1" }),
      aPart(type, { ...body, response_to_node_id: "a;role=root" }),
      aPart(type, { ...body, changes: [] }),
      aPart(type, { ...body, changes: [{ ...add("1", "tea"), name: "" }] }),
      aPart(type, { ...body, changes: [{ ...add("1", "tea"), name: "__proto__" }] }),
      aPart(type, { ...body, changes: [{ ...add("1", "tea"), value: { long: "x".repeat(1_024) } }] }),
    ];
    for (const part of others) expect(responseIn([part]), part.body ?? "").to.equal(null);
    for (const name of ["constructor", "a b;c"]) {
      expect(valuesOf(answered(question(), [ANN, add("1", "tea", "LWW", name)]), ANN, name)).to.deep.equal(["tea"]);
    }
    const custom = { ...add("~%;1", "tea"), value: { order: 4711 } };
    expect(responseIn([aPart(type, { ...body, changes: [custom] })])?.operations).to.deep.equal([custom]);
  });

  it("begin as a question's sender says: in her own name, and in others' where its backend says so", () => {
    const initial = [
      { ...add("1", "tea"), identity_id: ANN },
      { ...add("2", "coffee"), identity_id: BOB },
    ];
    const type = `application/vnd.layer.initialresponsestate-v1+json;role=initial_response_state;parent-node-id=${NODE}`;
    const parts = [...question(), aPart(type, initial)];
    const hers = withInitialAnswers(parts, { identityId: ANN, isTrusted: false, command: "c" });
    expect([valuesOf(hers, ANN), valuesOf(hers, BOB)]).to.deep.equal([["tea"], undefined]);
    const all = withInitialAnswers(parts, { identityId: null, isTrusted: true, command: "c" });
    expect([valuesOf(all, ANN), valuesOf(all, BOB)]).to.deep.equal([["tea"], ["coffee"]]);
  });
});
