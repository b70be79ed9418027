import { randomUUID } from "node:crypto";
import { type Part, PartId, type PartsChange } from "@strata/contracts";
import { expect } from "chai";
import { aPart } from "../../test/messages.ts";
import { changeParts, contentIdsOf, madePartId, withPartIds } from "./parts.ts";

const parts = (...bodies: string[]): Part[] =>
  withPartIds(
    bodies.map((body) => aPart(body)),
    "command-0",
    null,
  );

describe("parts of a message", () => {
  const options = { command: "command-1", at: 50, maxParts: 3 };
  const codeOf = (change: PartsChange, of: readonly Part[] = parts("a", "b")): unknown => {
    try {
      return changeParts(of, change, options);
    } catch (error) {
      return error instanceof Error && "code" in error ? error.code : error;
    }
  };

  it("get ids that follow from the command, valid and all different, unless they bring some", () => {
    const own = randomUUID();
    const made = withPartIds([aPart("a"), aPart("b", { partId: own }), aPart("c")], "command-1", null);
    expect(made.map(({ partId }) => partId)).to.deep.equal([
      madePartId("command-1", 0),
      own,
      madePartId("command-1", 2),
    ]);
    for (const { partId } of made) expect(PartId.safeParse(partId).success).to.equal(true);
    expect(madePartId("command-2", 0)).not.to.equal(madePartId("command-1", 0));
  });

  it("are appended last", () => {
    const before = parts("a");
    const { parts: after, changed, removed } = changeParts(before, { kind: "append", part: aPart("b") }, options);
    expect(after.map(({ body, updatedAt }) => [body, updatedAt])).to.deep.equal([
      ["a", null],
      ["b", 50],
    ]);
    expect({ changed, removed }).to.deep.equal({ changed: [after[1]?.partId], removed: [] });
  });

  it("keep their id when they are replaced, whatever id the new one brings, by id or by index", () => {
    const before = parts("a", "b");
    const [, second] = before;
    const part = aPart("new", { partId: randomUUID(), mimeType: "text/html" });
    for (const ref of [{ partId: second?.partId ?? "" }, { index: 1 }]) {
      const { parts: after, changed } = changeParts(before, { kind: "replace", ref, part }, options);
      expect(after[1]).to.deep.include({ partId: second?.partId, body: "new", mimeType: "text/html", updatedAt: 50 });
      expect(after[0]).to.deep.equal(before[0]);
      expect(changed).to.deep.equal([second?.partId]);
    }
  });

  it("all get new ids when all are replaced", () => {
    const before = parts("a", "b");
    const change = { kind: "replace-all" as const, parts: [aPart("x"), aPart("y"), aPart("z")] };
    const { parts: after, changed, removed } = changeParts(before, change, options);
    expect(after.map(({ body }) => body)).to.deep.equal(["x", "y", "z"]);
    expect(changed).to.deep.equal(after.map(({ partId }) => partId));
    expect(removed).to.deep.equal(before.map(({ partId }) => partId));
  });

  it("are removed, but not the last", () => {
    const before = parts("a", "b");
    const { parts: after, removed } = changeParts(before, { kind: "remove", ref: { index: 0 } }, options);
    expect(after).to.deep.equal(before.slice(1));
    expect(removed).to.deep.equal([before[0]?.partId]);
    expect(codeOf({ kind: "remove", ref: { index: 0 } }, after)).to.equal("invalid_operation");
  });

  it("are refused where they are not there, too many, or under an id that is taken", () => {
    const taken = parts("a", "b")[0]?.partId ?? "";
    expect(codeOf({ kind: "remove", ref: { index: 2 } })).to.equal("not_found");
    expect(codeOf({ kind: "replace", ref: { partId: randomUUID() }, part: aPart() })).to.equal("not_found");
    expect(codeOf({ kind: "append", part: aPart() }, parts("a", "b", "c"))).to.equal("invalid_property");
    expect(codeOf({ kind: "append", part: aPart("x", { partId: taken }) })).to.equal("invalid_property");
  });

  it("may shrink where the limit was higher when they came", () => {
    const many = parts("a", "b", "c", "d", "e");
    const { parts: after } = changeParts(many, { kind: "remove", ref: { index: 0 } }, options);
    expect(after).to.have.lengthOf(4);
  });

  it("name each content that they refer to once", () => {
    const content = { contentId: randomUUID(), size: 1 };
    const referring = aPart("", { body: null, content });
    expect(contentIdsOf([aPart(), referring, referring])).to.deep.equal([content.contentId]);
  });
});
