// Prints an identity token of the demo app for a user and a nonce, as a backend of one's own would make it:
//   node deploy/local/identity-token.mjs user-0001 <nonce>
import { createPrivateKey, sign } from "node:crypto";
import { readDevJson } from "./dev-json.mjs";
import { Advice, fail } from "./say.mjs";

const SECONDS_VALID = 600;

/** @param {unknown} value */
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param {readonly string[]} args */
async function main([userId, nonce]) {
  const { identityProvider } = readDevJson();
  if (!userId || !nonce) throw new Advice("Usage: node deploy/local/identity-token.mjs <user id> <nonce>");
  if (!identityProvider) throw new Advice("There is no demo app yet: npm start makes it.");
  const { providerId, keyId, privateKey } = identityProvider;
  const iat = Math.floor(Date.now() / 1_000);
  const header = { typ: "JWT", alg: "RS256", cty: "layer-eit;v=1", kid: `layer:///keys/${keyId}` };
  const claims = { iss: `layer:///providers/${providerId}`, prn: userId, iat, exp: iat + SECONDS_VALID, nce: nonce };
  const text = `${encoded(header)}.${encoded(claims)}`;
  const signature = sign("sha256", Buffer.from(text), createPrivateKey(privateKey)).toString("base64url");
  process.stdout.write(`${text}.${signature}\n`);
}

await main(process.argv.slice(2)).catch(fail);
