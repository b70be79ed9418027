import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, randomUUID, sign } from "node:crypto";
import type { IdentityKey } from "@strata/contracts";
import { LayerError } from "@strata/layer-protocol";
import { expect } from "chai";
import { verifyIdentityToken } from "./identity-token.ts";
import { nonces } from "./nonces.ts";

const NOW = 1_790_000_000_000;
const [providerId, keyId] = [randomUUID(), randomUUID()];
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const another = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const signed = (header: unknown, claims: unknown, key: KeyObject = privateKey): string => {
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
};

describe("verifyIdentityToken", () => {
  const ours = nonces(randomBytes(32), () => NOW);
  const header = { typ: "JWT", alg: "RS256", cty: "layer-eit;v=1", kid: `layer:///keys/${keyId}` };
  const claims = () => ({
    iss: `layer:///providers/${providerId}`,
    prn: "ann",
    iat: NOW / 1_000,
    exp: NOW / 1_000 + 600,
    nce: ours.issue(),
  });
  let key: IdentityKey;
  let keysAsked: string[];
  beforeEach(() => {
    key = { keyId, providerId, publicKey: pem, state: "enabled", createdAt: 1 };
    keysAsked = [];
  });
  const verify = (text: string) =>
    verifyIdentityToken(text, {
      nonces: ours,
      async findKey(id) {
        keysAsked.push(id);
        return id === keyId ? key : null;
      },
      now: () => NOW,
    });
  const reasonOf = async (text: string): Promise<unknown> => {
    const error: unknown = await verify(text).catch((thrown: unknown) => thrown);
    if (!(error instanceof LayerError)) throw new Error("it was taken");
    expect(error).to.include({ id: "invalid_property", status: 422 });
    expect(error.data).to.have.property("property", "identity_token");
    return Reflect.get(Object(error.data), "reason");
  };

  it("takes what the app's key has signed, and answers what it says", async () => {
    const profile = { display_name: "Ann", avatar_url: "https://a.example/a.png" };
    const verified = await verify(signed(header, { ...claims(), ...profile }));
    expect(verified).to.deep.include({
      userId: "ann",
      claims: { displayName: "Ann", avatarUrl: "https://a.example/a.png" },
    });
    expect((await verify(signed({ ...header, typ: "JWS" }, { ...claims(), iss: providerId }))).claims).to.deep.equal(
      {},
    );
  });

  it("takes no other algorithm, whatever its signature", async () => {
    for (const alg of ["none", "None", "HS256", "RS512", "PS256", "ES256", "rs256", "", null]) {
      expect(await reasonOf(signed({ ...header, alg }, claims())), String(alg)).to.equal("header_invalid");
    }
    const bare = `${encoded({ ...header, alg: "none" })}.${encoded(claims())}.`;
    expect(await reasonOf(bare)).to.equal("header_invalid");
    // The public key is known to everybody: as the secret of an HMAC it would let anybody in.
    const text = `${encoded({ ...header, alg: "HS256" })}.${encoded(claims())}`;
    const forged = `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
    expect(await reasonOf(forged)).to.equal("header_invalid");
    const disguised = `${encoded(header)}.${encoded(claims())}`;
    const mac = createHmac("sha256", pem).update(disguised).digest("base64url");
    expect(await reasonOf(`${disguised}.${mac}`)).to.equal("signature_invalid");
  });

  it("takes no signature by another key, of other words, or none", async () => {
    expect(await reasonOf(signed(header, claims(), another.privateKey))).to.equal("signature_invalid");
    const [head, , signature] = signed(header, claims()).split(".");
    expect(await reasonOf(`${head}.${encoded({ ...claims(), prn: "bob" })}.${signature}`)).to.equal(
      "signature_invalid",
    );
    const token = signed(header, claims());
    expect(await reasonOf(token.slice(0, token.lastIndexOf(".") + 1))).to.equal("signature_invalid");
  });

  it("takes no key that the token brings along, and no critical extension", async () => {
    const own = { jwk: another.publicKey.export({ format: "jwk" }), jku: "https://evil.example/keys", x5u: "x" };
    expect(await reasonOf(signed({ ...header, ...own }, claims(), another.privateKey))).to.equal("signature_invalid");
    expect(await reasonOf(signed({ ...header, crit: ["exp"] }, claims()))).to.equal("header_invalid");
    expect(await reasonOf(signed({ ...header, crit: ["b64"], b64: false }, claims()))).to.equal("header_invalid");
  });

  it("takes only an enabled key of the app, and only for its own provider", async () => {
    const kid = `layer:///keys/${randomUUID()}`;
    expect(await reasonOf(signed({ ...header, kid }, claims()))).to.equal("key_not_found");
    expect(await reasonOf(signed({ ...header, kid: "../keys" }, claims()))).to.equal("key_not_found");
    expect(await reasonOf(signed(header, { ...claims(), iss: `layer:///providers/${randomUUID()}` }))).to.equal(
      "provider_not_found",
    );
    for (const state of ["disabled", "deleted"] as const) {
      key = { ...key, state };
      expect(await reasonOf(signed(header, claims()))).to.equal(`key_${state}`);
    }
    key = { ...key, state: "enabled", publicKey: "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n" };
    expect(await reasonOf(signed(header, claims()))).to.equal("key_malformed");
  });

  it("looks at the nonce before it asks for any key", async () => {
    const old = nonces(randomBytes(32), () => NOW).issue();
    expect(await reasonOf(signed(header, { ...claims(), nce: old }))).to.equal("nonce_not_found");
    expect(keysAsked).to.deep.equal([]);
  });

  it("takes no time that is over or to come, but for a minute by which clocks differ", async () => {
    const seconds = NOW / 1_000;
    expect(await reasonOf(signed(header, { ...claims(), exp: seconds - 60 }))).to.equal("token_expired");
    expect(await reasonOf(signed(header, { ...claims(), iat: seconds + 61 }))).to.equal("token_not_yet_valid");
    await verify(signed(header, { ...claims(), exp: seconds - 59 }));
    await verify(signed(header, { ...claims(), iat: seconds + 60 }));
  });

  it("says which header or claim is missing or wrong", async () => {
    for (const name of ["typ", "alg", "cty", "kid"]) {
      expect(await reasonOf(signed({ ...header, [name]: undefined }, claims())), name).to.equal("header_missing");
      expect(await reasonOf(signed({ ...header, [name]: 7 }, claims())), name).to.equal("header_invalid");
    }
    for (const name of ["iss", "prn", "iat", "exp", "nce"]) {
      expect(await reasonOf(signed(header, { ...claims(), [name]: undefined })), name).to.equal("claim_missing");
      expect(await reasonOf(signed(header, { ...claims(), [name]: {} })), name).to.equal("claim_invalid");
    }
    for (const bad of [{ prn: "" }, { prn: "x".repeat(129) }, { display_name: 1 }, { display_name: "x".repeat(129) }]) {
      expect(await reasonOf(signed(header, { ...claims(), ...bad })), JSON.stringify(bad)).to.equal("claim_invalid");
    }
    expect(await reasonOf(signed({ ...header, cty: "layer-eit;v=2" }, claims()))).to.equal("header_invalid");
  });

  it("says of what is no token at all how it is none", async () => {
    const [head, body, signature] = signed(header, claims()).split(".");
    expect(await reasonOf("")).to.equal("part_count");
    expect(await reasonOf(`${head}.${body}`)).to.equal("part_count");
    expect(await reasonOf(`${head}.${body}.${signature}.x`)).to.equal("part_count");
    expect(await reasonOf(`${head}=.${body}.${signature}`)).to.equal("base64url");
    expect(await reasonOf(`bm8.${body}.${signature}`)).to.equal("json");
    expect(await reasonOf(`${encoded([])}.${body}.${signature}`)).to.equal("header_invalid");
    expect(await reasonOf(`${encoded(null)}.${body}.${signature}`)).to.equal("header_invalid");
  });
});
