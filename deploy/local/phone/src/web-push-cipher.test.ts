import { createECDH } from "node:crypto";
import { expect } from "chai";
import { decryptPush } from "./web-push-cipher.ts";

/** RFC 8291, 5: https://www.rfc-editor.org/rfc/rfc8291#section-5 */
const EXAMPLE = {
  privateKey: "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
  body:
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6" +
    "cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
  text: "When I grow up, I want to be a watermelon",
};

describe("decryptPush", () => {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(EXAMPLE.privateKey, "base64url");
  const secrets = { ecdh, auth: Buffer.from(EXAMPLE.auth, "base64url") };
  const body = Buffer.from(EXAMPLE.body, "base64url");

  it("reads the example of RFC 8291", () => {
    expect(decryptPush(body, secrets).toString()).to.equal(EXAMPLE.text);
  });

  it("reads nothing that was encrypted for another subscription, or changed on the way", () => {
    const other = createECDH("prime256v1");
    other.generateKeys();
    expect(() => decryptPush(body, { ...secrets, ecdh: other })).to.throw();
    expect(() => decryptPush(body, { ...secrets, auth: Buffer.alloc(16) })).to.throw();
    const changed = Buffer.from(body);
    changed.writeUInt8(changed.readUInt8(90) ^ 1, 90);
    expect(() => decryptPush(changed, secrets)).to.throw();
    expect(() => decryptPush(body.subarray(0, 30), secrets)).to.throw();
  });
});
