import { generateKeyPairSync } from "node:crypto";
import { LayerError } from "@strata/layer-protocol";
import { expect } from "chai";
import { parsePublicKey } from "./identity-key.ts";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();

const messageOf = (key: unknown): string => {
  try {
    parsePublicKey({ public_key: key });
  } catch (error) {
    if (!(error instanceof LayerError)) throw error;
    expect(error.data).to.deep.equal({ property: "public_key" });
    return error.message;
  }
  return "taken";
};

describe("parsePublicKey", () => {
  it("takes an RSA key as PEM in either form, or as JWK, and answers the same PEM", () => {
    for (const key of [pem, publicKey.export({ type: "pkcs1", format: "pem" }), publicKey.export({ format: "jwk" })]) {
      expect(parsePublicKey({ public_key: key })).to.equal(pem);
    }
  });

  it("takes no private key, whatever its form", () => {
    for (const key of [
      privateKey.export({ type: "pkcs8", format: "pem" }),
      privateKey.export({ type: "pkcs1", format: "pem" }),
      privateKey.export({ format: "jwk" }),
    ]) {
      expect(messageOf(key)).to.include("private key");
    }
  });

  it("takes no short key, and none of another kind", () => {
    const short = generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey;
    const curve = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
    for (const key of [short, curve]) {
      expect(messageOf(key.export({ type: "spki", format: "pem" }))).to.include("RSA key of 2048");
      expect(messageOf(key.export({ format: "jwk" }))).to.include("RSA key of 2048");
    }
    for (const key of ["", "no key", { kty: "oct", k: "AA" }, 7, [], `${pem.slice(0, 60)}\n-----END PUBLIC KEY-----`]) {
      expect(messageOf(key), JSON.stringify(key)).to.include("public key, as PEM or JWK");
    }
  });
});
