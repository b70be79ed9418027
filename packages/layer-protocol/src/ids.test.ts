import { expect } from "chai";
import * as fc from "fast-check";
import { appUri, isUuid, objectUri, parseAppId, parseObjectId, parsePartUri, partUri } from "./index.ts";

const UUID = "7a2c1f64-3c92-41e4-baad-164230d1df67";

describe("object ids", () => {
  it("are a URI of their kind", () => {
    expect(objectUri("announcements", UUID)).to.equal(`layer:///announcements/${UUID}`);
    expect(objectUri("conversations", UUID)).to.equal(`layer:///conversations/${UUID}`);
    expect(objectUri("messages", UUID)).to.equal(`layer:///messages/${UUID}`);
  });

  it("survive being written and read, as URI and bare", () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        expect(parseObjectId("messages", objectUri("messages", uuid))).to.equal(uuid);
        expect(parseObjectId("messages", uuid)).to.equal(uuid);
      }),
    );
  });

  it("are one id in either letter case", () => {
    expect(parseObjectId("announcements", UUID.toUpperCase())).to.equal(UUID);
  });

  it("are not taken from a URI of another kind", () => {
    expect(parseObjectId("announcements", objectUri("messages", UUID))).to.equal(null);
  });

  for (const text of ["", "x", "layer:///announcements/", `${UUID}0`, `${UUID}/parts/0`, ` ${UUID}`]) {
    it(`are not ${JSON.stringify(text)}`, () => {
      expect(parseObjectId("announcements", text)).to.equal(null);
    });
  }

  it("are UUIDs of RFC 4122: version and variant count", () => {
    expect(isUuid(UUID)).to.equal(true);
    expect(isUuid("7a2c1f64-3c92-01e4-baad-164230d1df67")).to.equal(false);
    expect(isUuid("7a2c1f64-3c92-41e4-caad-164230d1df67")).to.equal(false);
  });
});

describe("part ids", () => {
  it("survive being written and read, by position and by UUID", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.oneof(fc.nat(999), fc.uuid()), (uuid, part) => {
        expect(parsePartUri("messages", partUri("messages", uuid, part))).to.deep.equal({ uuid, part });
      }),
    );
  });

  for (const text of [
    `layer:///messages/${UUID}/parts/`,
    `layer:///messages/${UUID}/parts/01`,
    `layer:///messages/${UUID}/parts/0/parts/1`,
    `layer:///announcements/${UUID}/parts/0`,
    `${UUID}/parts/0`,
  ]) {
    it(`of messages are not ${text}`, () => {
      expect(parsePartUri("messages", text)).to.equal(null);
    });
  }
});

describe("app ids", () => {
  for (const text of [UUID, appUri(UUID), `layer:///apps/staging/${UUID}`, `layer:///apps/${UUID}`]) {
    it(`are read from ${text}`, () => {
      expect(parseAppId(text)).to.equal(UUID);
    });
  }

  it("are not read from anything else", () => {
    expect(parseAppId("layer:///apps/production/x")).to.equal(null);
  });
});
