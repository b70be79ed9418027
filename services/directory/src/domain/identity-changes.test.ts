import { expect } from "chai";
import { identityFields } from "../../test/support.ts";
import { fieldsAfter } from "./identity-changes.ts";

const keys = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, index) => [`k${index}`, "v"]));

describe("fieldsAfter", () => {
  const fields = identityFields("Ann");

  it("is what all changes make of the fields, in their order", () => {
    const after = fieldsAfter(fields, [
      { kind: "set-text", field: "firstName", value: "Anna" },
      { kind: "set-text", field: "firstName", value: null },
      { kind: "set-text", field: "avatarUrl", value: "https://a/b" },
      { kind: "set-type", value: "bot" },
      { kind: "replace-metadata", metadata: { level: "1", other: "x" } },
      { kind: "set-metadata", key: "level", value: "2" },
      { kind: "delete-metadata", key: "other" },
      { kind: "delete-metadata", key: "never there" },
    ]);
    expect(after).to.deep.equal({
      ...fields,
      avatarUrl: "https://a/b",
      identityType: "bot",
      metadata: { level: "2" },
    });
  });

  it("leaves the fields it was given as they are", () => {
    const before = structuredClone(fields);
    fieldsAfter(fields, [{ kind: "set-metadata", key: "tier", value: "silver" }]);
    expect(fields).to.deep.equal(before);
  });

  it("takes no name away, unless a later change gives another", () => {
    const takenAway = { kind: "set-text", field: "displayName", value: null } as const;
    expect(fieldsAfter(fields, [takenAway])).to.deep.include({
      code: "invalid_property",
      details: { property: "display_name" },
    });
    const given = { kind: "set-text", field: "displayName", value: "Eve" } as const;
    expect(fieldsAfter(fields, [takenAway, given])).to.have.property("displayName", "Eve");
  });

  it("keeps 16 keys of metadata and refuses 17", () => {
    const [most, tooMany] = [16, 17].map((n) => fieldsAfter(fields, [{ kind: "replace-metadata", metadata: keys(n) }]));
    expect(most).to.have.property("metadata").with.property("k15");
    expect(tooMany).to.deep.include({ code: "invalid_property", details: { property: "metadata" } });
  });
});
