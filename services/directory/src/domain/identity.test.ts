import { partitionOf } from "@strata/contracts";
import { expect } from "chai";
import { identityFields } from "../../test/support.ts";
import { commonPartitionOf, identitiesOf } from "./identity.ts";

const creation = (id: string, app: string, userId: string) => ({
  id,
  app,
  sentAt: new Date(5),
  payload: { userId, fields: identityFields(id) },
});

describe("new identities", () => {
  it("carry the app in their key, the user's partition and the command that made them", () => {
    const [identity] = identitiesOf([creation("c1", "a", "ann")], 7).values();
    expect(identity).to.deep.equal({
      _id: "a/ann",
      app: "a",
      by: "c1",
      userId: "ann",
      partition: partitionOf("ann"),
      createdAt: 7,
      sentAt: new Date(5),
      fields: identityFields("c1"),
    });
  });

  it("are one for each user of an app, made by the first command about her", () => {
    const identities = identitiesOf(
      [creation("c1", "a", "ann"), creation("c2", "a", "ann"), creation("c3", "b", "ann")],
      7,
    );
    expect([...identities.values()].map(({ _id, by }) => [_id, by])).to.deep.equal([
      ["a/ann", "c1"],
      ["b/ann", "c3"],
    ]);
  });
});

describe("commonPartitionOf", () => {
  it("is the partition that all users share", () => {
    expect(commonPartitionOf(["ann", "ann"])).to.equal(partitionOf("ann"));
  });

  it("is none when one user lies elsewhere, and none of nobody", () => {
    expect(partitionOf("ann")).not.to.equal(partitionOf("bob"));
    expect(commonPartitionOf(["ann", "ann", "bob"])).to.equal(null);
    expect(commonPartitionOf([])).to.equal(null);
  });
});
