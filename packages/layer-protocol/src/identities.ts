import { z } from "zod";
import {
  isAbsent,
  isJsonObject,
  isPrototypeKey,
  isStorableKey,
  requireJsonObject,
  requireProperties,
} from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseBySchema } from "./schema-errors.ts";
import { identityUri } from "./user-ids.ts";
import { usesIdentityIds } from "./versions.ts";
import { identityUrl } from "./urls.ts";
import type { WireContext } from "./urls.ts";
import type { LayerVersion } from "./versions.ts";

/** An identity without its user id: what POST and PUT set, and what is stored. */
export interface IdentityFields {
  displayName: string;
  avatarUrl: string | null;
  firstName: string | null;
  lastName: string | null;
  phoneNumber: string | null;
  emailAddress: string | null;
  identityType: "user" | "bot";
  publicKey: string | null;
  metadata: Record<string, string>;
}

const MAX_METADATA_KEYS = 16;
const optionalText = (max: number) => z.string().max(max).nullish();

/** Flat, string to string; one issue names the first bad key instead of one for each. */
const Metadata = z
  .unknown()
  .default(null)
  .transform((value, context): Record<string, string> => {
    const refuse = (message: string, path: string[] = []) => {
      context.addIssue({ code: "custom", message, path });
      return z.NEVER;
    };
    if (isAbsent(value)) return {};
    if (!isJsonObject(value)) return refuse("expected an object");
    const entries = Object.entries(value);
    if (entries.length > MAX_METADATA_KEYS) return refuse(`at most ${MAX_METADATA_KEYS} keys`);
    const bad = entries.find((entry) => !isMetadataEntry(entry));
    return bad === undefined
      ? Object.fromEntries(entries.filter(isMetadataEntry))
      : refuse("expected a string under a name that can be stored", [bad[0]]);
  });

const isMetadataEntry = (entry: [string, unknown]): entry is [string, string] =>
  typeof entry[1] === "string" && !isPrototypeKey(entry[0]) && isStorableKey(entry[0]);

/** The body of POST and PUT `/users/:user/identity`, with the limits of server API 4.2; unknown fields are ignored. */
export const IdentityBody = z.object({
  display_name: z.string().max(128),
  avatar_url: optionalText(1024),
  first_name: optionalText(128),
  last_name: optionalText(128),
  phone_number: optionalText(32),
  email_address: optionalText(255),
  identity_type: z.enum(["user", "bot"]).nullish(),
  public_key: z.string().nullish(),
  metadata: Metadata,
});

/**
 * Parses the body of POST and PUT identity (server API 4.2, 10.1). What is left out or null is unset. 1.x knows no
 * `identity_type` and ignores it, like every unknown field.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` `display_name`; 422 `invalid_property`
 */
export function parseIdentity(version: LayerVersion, body: unknown): IdentityFields {
  const { identity_type: _, ...fieldsOf1x } = requireJsonObject(body);
  const fields: JsonObject = usesIdentityIds(version) ? requireJsonObject(body) : fieldsOf1x;
  requireProperties(fields, ["display_name"]);
  const parsed = parseBySchema(IdentityBody, fields);
  return {
    displayName: parsed.display_name,
    avatarUrl: parsed.avatar_url ?? null,
    firstName: parsed.first_name ?? null,
    lastName: parsed.last_name ?? null,
    phoneNumber: parsed.phone_number ?? null,
    emailAddress: parsed.email_address ?? null,
    identityType: parsed.identity_type ?? "user",
    publicKey: parsed.public_key ?? null,
    metadata: parsed.metadata,
  };
}

/** What others see of a user who is named in an object (server API 4.1). Never carries `metadata`: clients take it for a full one. */
export interface BasicIdentity {
  id: string | null;
  url: string | null;
  user_id: string | null;
  display_name: string | null;
  avatar_url: string | null;
}

/** A user as 2.0 and later name her; without an identity, all but her ids is null. */
export const basicIdentity = (
  wire: WireContext,
  userId: string,
  identity: Pick<IdentityFields, "displayName" | "avatarUrl"> | null,
): BasicIdentity => ({
  id: identityUri(userId),
  url: identityUrl(wire, userId),
  user_id: userId,
  display_name: identity?.displayName ?? null,
  avatar_url: identity?.avatarUrl ?? null,
});

/** A sender without account, as 2.0 and later show one (client API 5.1). */
export const namedIdentity = (name: string): BasicIdentity => ({
  id: null,
  url: null,
  user_id: null,
  display_name: name,
  avatar_url: null,
});

/**
 * The full identity as the Server API answers it (4.2): all twelve keys from 2.0, `id`, `url` and `identity_type`
 * left out in 1.x. What is unset is null, and so is metadata without keys. Of a user without an identity only her ids
 * are known.
 */
export function identityView(wire: WireContext, userId: string, identity: IdentityFields | null): JsonObject {
  const fields = {
    user_id: userId,
    display_name: identity?.displayName ?? null,
    avatar_url: identity?.avatarUrl ?? null,
    first_name: identity?.firstName ?? null,
    last_name: identity?.lastName ?? null,
    phone_number: identity?.phoneNumber ?? null,
    email_address: identity?.emailAddress ?? null,
    public_key: identity?.publicKey ?? null,
    metadata: identity === null || Object.keys(identity.metadata).length === 0 ? null : identity.metadata,
  };
  if (!usesIdentityIds(wire.version)) return fields;
  return {
    id: identityUri(userId),
    url: identityUrl(wire, userId),
    ...fields,
    identity_type: identity?.identityType ?? "user",
  };
}

/**
 * The full identity as the Client API answers it (client API 5.1): `metadata` is always an object, and what kind of user
 * it is stands under both names.
 */
export function clientIdentityView(wire: WireContext, userId: string, identity: IdentityFields | null): JsonObject {
  const view = identityView(wire, userId, identity);
  return { ...view, metadata: view.metadata ?? {}, type: view.identity_type };
}
