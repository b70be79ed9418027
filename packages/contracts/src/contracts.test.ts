import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { catalogue } from "./catalogue.ts";
import { breakingChanges } from "./compatibility.ts";
import { jsonSchemas } from "./json-schemas.ts";
import { RecordReceipts } from "./receipt.ts";

interface Fixture {
  readonly payload: unknown;
  readonly reply?: unknown;
}

const read = <T>(file: string): Record<string, T> => JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
const fixtures = read<Fixture>("../fixtures.json");
const released = read<unknown>("../released.json");

describe("contracts", () => {
  it("has one contract per type, and a fixture for each", () => {
    const types = catalogue.map(({ type }) => type);
    expect(new Set(types).size).to.equal(types.length);
    expect(Object.keys(fixtures).toSorted()).to.deep.equal(types.toSorted());
  });

  for (const contract of catalogue) {
    it(`${contract.type} reads its fixture unchanged, and ignores a field that it does not know`, () => {
      const fixture = fixtures[contract.type];
      expect(contract.payload.parse(fixture?.payload)).to.deep.equal(fixture?.payload);
      expect(contract.payload.safeParse({ ...Object(fixture?.payload), fromTheFuture: 1 }).success).to.equal(true);
      if (contract.kind !== "event") expect(contract.reply.parse(fixture?.reply)).to.deep.equal(fixture?.reply);
    });
  }

  it("refuses lists that hold what is no receipt", () => {
    const [announcementId, good] = [randomUUID(), { userId: "ann", kind: "read", at: 1 }];
    const takes = (receipts: unknown) => RecordReceipts.payload.safeParse({ announcementId, receipts }).success;
    expect(takes([good])).to.equal(true);
    for (const bad of [
      { userId: "" },
      { userId: "x".repeat(129) },
      { userId: "\ud800" },
      { kind: "seen" },
      { at: -1 },
      { at: 1.5 },
      { at: "1" },
    ]) {
      expect(takes([good, { ...good, ...bad }]), JSON.stringify(bad)).to.equal(false);
    }
    expect([takes([]), takes(Array.from({ length: 1_001 }, () => good))]).to.deep.equal([false, false]);
  });

  it("breaks no peer that was written against the released schemas", () => {
    const now: Record<string, unknown> = { ...jsonSchemas() };
    const breaks = Object.entries(released).flatMap(([type, before]) => breaksOf(type, before, now[type]));
    expect(breaks).to.deep.equal([]);
  });

  it("has every contract among the released schemas", () => {
    // After an addition: node packages/contracts/generate.ts
    expect(JSON.parse(JSON.stringify(jsonSchemas()))).to.deep.equal(released);
  });

  it("would notice a field that is gone, newly required, of another type, or narrower", () => {
    const before = {
      type: "object",
      properties: {
        kept: { type: "string", maxLength: 9 },
        kind: { enum: ["a", "b"] },
        list: { items: { type: "string" } },
      },
      required: ["kept"],
    };
    const now = {
      type: "object",
      properties: { kept: { type: "number", maxLength: 5 }, kind: { enum: ["a"] }, list: { items: { type: "null" } } },
      required: ["kept", "extra"],
    };
    expect(breakingChanges(before, now)).to.deep.equal([
      "/extra is newly required",
      "/kept has another type",
      "/kept has another maxLength",
      '/kind no longer allows "b"',
      "/list/items has another type",
    ]);
    expect(breakingChanges(before, { ...before, properties: {} })).to.include("/kept is gone");
    expect(
      breakingChanges(before, { ...before, properties: { ...before.properties, more: { type: "string" } } }),
    ).to.deep.equal([]);
  });
});

function breaksOf(type: string, before: unknown, now: unknown): readonly string[] {
  if (typeof before !== "object" || before === null) return [];
  return Object.entries(before).flatMap(([side, schema]) =>
    breakingChanges(schema, Object(now)[side], side).map((broken) => `${type}: ${broken}`),
  );
}
