import { expect } from "chai";
import { anAndroid, anIphone } from "../../test/support.ts";
import { deviceKey, deviceRow, type DeviceRow, type Registration, settleClaims, userKey } from "./device.ts";

const APP = "11111111-1111-4111-8111-111111111111";

const claim = (userId: string, token: number, at: number, by = `command-${at}`): DeviceRow =>
  deviceRow(APP, by, { userId, deviceId: "phone", device: anAndroid(token), at });

/** What a store would hold after these registrations, each handled by itself. */
const held = (registrations: readonly DeviceRow[]): readonly DeviceRow[] =>
  afterGroups(registrations.map((registration) => [registration]));

function afterGroups(groups: readonly (readonly DeviceRow[])[], stored: readonly DeviceRow[] = []): DeviceRow[] {
  const rows = new Map(stored.map((row) => [row._id, row]));
  const removed = new Map<string, Registration>();
  for (const group of groups) {
    const { removals, writes } = settleClaims([...rows.values()], [...removed.values()], group);
    for (const row of removals) {
      rows.delete(row._id);
      removed.set(row._id, row);
    }
    for (const row of writes) {
      const owners = [...rows.values()].filter(({ kind, token }) => kind === row.kind && token === row.token);
      expect(
        owners.map(({ _id }) => _id).filter((id) => id !== row._id),
        "two owners of one token",
      ).to.deep.equal([]);
      rows.set(row._id, row);
      removed.delete(row._id);
    }
  }
  return [...rows.values()].toSorted((a, b) => (a._id < b._id ? -1 : 1));
}

const permutations = <T>(values: readonly T[]): readonly (readonly T[])[] =>
  values.length < 2
    ? [values]
    : values.flatMap((value, index) => permutations(values.toSpliced(index, 1)).map((rest) => [value].concat(rest)));

describe("claims on devices and tokens", () => {
  it("gives a token to who registered it last", () => {
    const [ann, bob] = [claim("ann", 1, 10), claim("bob", 1, 20)];
    expect(held([ann, bob])).to.deep.equal([bob]);
  });

  it("never lets an older registration that comes again take a token back", () => {
    const [ann, bob] = [claim("ann", 1, 10), claim("bob", 1, 20)];
    expect(held([ann, bob, ann])).to.deep.equal([bob]);
    // Also where its new owner has another token by now.
    const moved = claim("bob", 2, 30);
    expect(held([ann, bob, moved, ann, bob])).to.deep.equal([moved]);
  });

  it("forgets a device's former token", () => {
    const renewed = claim("ann", 2, 20);
    expect(held([claim("ann", 1, 10), renewed])).to.deep.equal([renewed]);
  });

  it("changes nothing when the same registration comes again", () => {
    const ann = claim("ann", 1, 10);
    expect(settleClaims([ann], [], [ann])).to.deep.equal({ removals: [], writes: [] });
  });

  it("exchanges tokens between two devices without a moment of two owners", () => {
    const swapped = [claim("ann", 2, 30), claim("bob", 1, 31)];
    expect(afterGroups([swapped], [claim("ann", 1, 10), claim("bob", 2, 11)])).to.have.deep.members(swapped);
  });

  it("ends with the same owners for a group as for one after the other, in whatever order they are repeated", () => {
    const inOrder = [
      claim("ann", 1, 10),
      claim("bob", 1, 20),
      claim("ann", 2, 30),
      claim("cid", 2, 40),
      claim("bob", 3, 50),
    ];
    const expected = held(inOrder);
    expect(afterGroups([inOrder])).to.deep.equal(expected);
    for (const anyOrder of permutations(inOrder)) {
      expect(held([...inOrder, ...anyOrder])).to.deep.equal(expected);
      expect(afterGroups([inOrder, anyOrder, ...anyOrder.map((one) => [one])])).to.deep.equal(expected);
    }
  });

  it("decides by the command where two registrations have one time", () => {
    const [a, b] = [claim("ann", 1, 10, "a"), claim("bob", 1, 10, "b")];
    expect(held([b, a])).to.deep.equal([b]);
    expect(held([a, b])).to.deep.equal([b]);
  });

  it("takes equal texts of two kinds for two tokens", () => {
    const apns = deviceRow(APP, "x", { userId: "ann", deviceId: "1", device: anIphone(1), at: 1 });
    const fcm = deviceRow(APP, "y", {
      userId: "bob",
      deviceId: "1",
      device: anAndroid(0, { token: apns.token }),
      at: 2,
    });
    expect(held([apns, fcm])).to.have.lengthOf(2);
  });

  it("holds nothing that a user registered before she was forgotten, whatever comes in whatever order", () => {
    const forgotten = [{ _id: userKey(APP, "ann"), registeredAt: 100, by: "" }];
    const [late, newer, bob] = [claim("ann", 1, 100), claim("ann", 1, 101), claim("bob", 1, 50)];
    expect(settleClaims([], forgotten, [late])).to.deep.equal({ removals: [], writes: [] });
    expect(settleClaims([late], forgotten, [newer])).to.have.deep.property("writes", [newer]);
    // Her phone was hers when she asked: it does not go back to who had it before.
    expect(settleClaims([bob], forgotten, [late])).to.deep.equal({ removals: [bob], writes: [] });
    expect(settleClaims([late], forgotten, [bob])).to.deep.equal({ removals: [bob, late], writes: [] });
    const cid = claim("cid", 1, 200);
    expect(settleClaims([late], forgotten, [cid])).to.deep.equal({ removals: [late], writes: [cid] });
  });

  it("has another key for every user and device, slashes or not", () => {
    expect(deviceKey(APP, "a/b", "c")).to.not.equal(deviceKey(APP, "a", "b/c"));
  });
});
