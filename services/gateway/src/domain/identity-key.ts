import { createPublicKey, type KeyObject } from "node:crypto";
import {
  invalidProperty,
  isJsonObject,
  parseBySchema,
  requireJsonObject,
  requireProperties,
} from "@strata/layer-protocol";
import { z } from "zod";

/** The body of `POST …/identity_providers`. */
export const IdentityProviderBody = z
  .object({ name: z.string().min(1).max(128) })
  .meta({ id: "IdentityProviderRequest", example: { name: "backend" } });

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `name` */
export function parseIdentityProvider(body: unknown): { readonly name: string } {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["name"]);
  return parseBySchema(IdentityProviderBody, fields);
}

/** The body of `PATCH …/keys/:key`. */
export const IdentityKeyChange = z
  .object({ enabled: z.boolean() })
  .meta({ id: "IdentityKeyChange", example: { enabled: false } });

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `enabled` */
export function parseIdentityKeyChange(body: unknown): "enabled" | "disabled" {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["enabled"]);
  return parseBySchema(IdentityKeyChange, fields).enabled ? "enabled" : "disabled";
}

const MIN_BITS = 2_048;
/** Checking a signature by a longer one takes long, and whoever logs in may have it checked. */
const MAX_BITS = 8_192;
const MAX_PEM_LENGTH = 8_192;
const property = "public_key";

/**
 * The public key in the body of `POST …/keys`, as PEM or JWK: RSA, of 2,048 bits or more. A private key, from which a public
 * one could be had, is refused, so that nobody gets used to sending theirs.
 * @returns it as PEM of its SubjectPublicKeyInfo
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `public_key`
 */
export function parsePublicKey(body: unknown): string {
  const fields = requireJsonObject(body);
  requireProperties(fields, [property]);
  const key = keyIn(fields[property]);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== "rsa" || bits < MIN_BITS || bits > MAX_BITS) {
    throw invalidProperty(property, `must be an RSA key of ${MIN_BITS} to ${MAX_BITS} bits`);
  }
  return key.export({ type: "spki", format: "pem" }).toString();
}

function keyIn(value: unknown): KeyObject {
  if (typeof value === "string" ? value.includes("PRIVATE KEY") : isJsonObject(value) && Object.hasOwn(value, "d")) {
    throw invalidProperty(property, "holds a private key, which should never leave its owner");
  }
  try {
    if (
      typeof value === "string" &&
      value.length <= MAX_PEM_LENGTH &&
      /-----BEGIN (RSA )?PUBLIC KEY-----/.test(value)
    ) {
      return createPublicKey(value);
    }
    if (isJsonObject(value)) return createPublicKey({ key: value, format: "jwk" });
  } catch {
    // Whatever OpenSSL says of it helps nobody who looks at the sentence below.
  }
  throw invalidProperty(property, "must be a public key, as PEM or JWK");
}
