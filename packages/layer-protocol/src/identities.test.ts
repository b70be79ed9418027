import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { basicIdentity, identityView, namedIdentity, parseIdentity } from "./index.ts";
import type { WireContext } from "./index.ts";

const wire = (version: WireContext["version"]): WireContext => ({
  version,
  baseUrl: "https://api.example",
  appId: "A",
});

const metadataOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));

describe("the body of an identity", () => {
  it("needs a display name only; what is left out or null is unset", () => {
    expect(parseIdentity("3.0", { display_name: "Ann", avatar_url: null, user_id: "ignored" })).to.deep.equal({
      displayName: "Ann",
      avatarUrl: null,
      firstName: null,
      lastName: null,
      phoneNumber: null,
      emailAddress: null,
      identityType: "user",
      publicKey: null,
      metadata: {},
    });
  });

  it("must have a display name", () => {
    expect(refusal(() => parseIdentity("1.0", {}))).to.equal("missing_property display_name");
    expect(refusal(() => parseIdentity("3.0", { display_name: null }))).to.equal("missing_property display_name");
  });

  it("must be an object", () => {
    expect(refusal(() => parseIdentity("3.0", ["Ann"]))).to.equal("invalid_request");
  });

  const limits: [string, number][] = [
    ["display_name", 128],
    ["avatar_url", 1024],
    ["first_name", 128],
    ["last_name", 128],
    ["phone_number", 32],
    ["email_address", 255],
  ];
  for (const [property, max] of limits) {
    it(`takes ${max} characters of ${property} and no more`, () => {
      const of = (length: number) => () =>
        parseIdentity("3.0", { display_name: "Ann", [property]: "x".repeat(length) });
      expect(of(max)).to.not.throw();
      expect(refusal(of(max + 1))).to.equal(`invalid_property ${property}`);
    });
  }

  for (const property of ["display_name", "avatar_url", "public_key", "identity_type", "metadata"]) {
    it(`refuses a number as ${property}`, () => {
      expect(refusal(() => parseIdentity("3.0", { display_name: "Ann", [property]: 7 }))).to.equal(
        `invalid_property ${property}`,
      );
    });
  }

  it("may say that it is a bot from 2.0; 1.x ignores that like any unknown field", () => {
    const body = { display_name: "Bob", identity_type: "bot" };
    expect(parseIdentity("2.0", body).identityType).to.equal("bot");
    expect(parseIdentity("1.1", body).identityType).to.equal("user");
  });

  it("takes flat metadata of at most 16 strings", () => {
    expect(parseIdentity("3.0", { display_name: "Ann", metadata: metadataOf(16) }).metadata).to.deep.equal(
      metadataOf(16),
    );
    expect(refusal(() => parseIdentity("3.0", { display_name: "Ann", metadata: metadataOf(17) }))).to.equal(
      "invalid_property metadata",
    );
    for (const value of [7, null, true, {}, []]) {
      expect(refusal(() => parseIdentity("3.0", { display_name: "Ann", metadata: { a: "x", level: value } }))).to.equal(
        "invalid_property metadata.level",
      );
    }
  });

  it("takes no metadata key that reaches a prototype or cannot be stored", () => {
    for (const key of ["__proto__", "constructor", "a\0b"]) {
      const metadata: unknown = JSON.parse(JSON.stringify({ KEY: "v" }).replace('"KEY"', JSON.stringify(key)));
      expect(refusal(() => parseIdentity("3.0", { display_name: "Ann", metadata }))).to.equal(
        `invalid_property metadata.${key}`,
      );
    }
  });
});

describe("identities on the wire", () => {
  const ann = parseIdentity("3.0", { display_name: "Ann", email_address: "a@x.example", metadata: { level: "3" } });

  it("have all twelve keys from 2.0, unset ones null", () => {
    expect(identityView(wire("3.0"), "a/b", { ...ann, metadata: {} })).to.deep.equal({
      id: "layer:///identities/a%2Fb",
      url: "https://api.example/apps/A/users/a%2Fb/identity",
      user_id: "a/b",
      display_name: "Ann",
      avatar_url: null,
      first_name: null,
      last_name: null,
      phone_number: null,
      email_address: "a@x.example",
      identity_type: "user",
      public_key: null,
      metadata: null,
    });
  });

  it("have no id, url and identity_type in 1.x", () => {
    const view = identityView(wire("1.0"), "u", ann);
    expect(view).to.not.have.any.keys("id", "url", "identity_type");
    expect(view).to.include({ user_id: "u", display_name: "Ann" });
    expect(view.metadata).to.deep.equal({ level: "3" });
  });

  it("of a user without one have her ids and nothing else", () => {
    const view = identityView(wire("3.0"), "u", null);
    expect(view).to.include({ id: "layer:///identities/u", user_id: "u", identity_type: "user", metadata: null });
    expect(Object.keys(view)).to.have.lengthOf(12);
    expect(Object.values(view).filter((value) => value === null)).to.have.lengthOf(8);
  });

  it("in their basic form never carry metadata, by which clients tell a full one", () => {
    expect(basicIdentity(wire("3.0"), "u", ann)).to.deep.equal({
      id: "layer:///identities/u",
      url: "https://api.example/apps/A/users/u/identity",
      user_id: "u",
      display_name: "Ann",
      avatar_url: null,
    });
  });

  it("of a user without identity show her ids alone", () => {
    expect(basicIdentity(wire("2.0"), "u", null)).to.include({ user_id: "u", display_name: null, avatar_url: null });
  });

  it("of a bare name have no ids", () => {
    expect(namedIdentity("Ops")).to.deep.equal({
      id: null,
      url: null,
      user_id: null,
      display_name: "Ops",
      avatar_url: null,
    });
  });
});
