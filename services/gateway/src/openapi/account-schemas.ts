import { AppEnvironment, CredentialState, PushCredentialInfo, Scope } from "@strata/contracts";
import { z } from "zod";
import { CanaryTargetBody } from "../domain/push-credential.ts";
import { NotificationContent } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";

const Time = z.iso.datetime();

export const AppView = z
  .strictObject({
    id: z.string().meta({ description: "`layer:///apps/<environment>/<app_id>`" }),
    url: z.string(),
    app_id: z.uuid().meta({ description: "What stands in paths" }),
    name: z.string(),
    environment: AppEnvironment,
    sibling_of: z.uuid().nullable().meta({ description: "The app beside which it was made, for another environment" }),
    state: z.enum(["active", "suspended", "deleted"]),
    created_at: Time,
    suspended_at: Time.nullable(),
    deleted_at: Time.nullable(),
    restorable_until: Time.nullable().meta({ description: "Of a deleted one" }),
  })
  .meta({ id: "App", example: examples.app });

export const TokenView = z
  .strictObject({
    id: z.uuid(),
    url: z.string(),
    app_id: z.uuid().nullable().meta({ description: "null: a token of the account" }),
    member_id: z.uuid().nullable().meta({ description: "The member of the account whose it is; null: nobody's" }),
    name: z.string(),
    scopes: z.array(Scope),
    created_at: Time,
    expires_at: Time.nullable(),
    revoked_at: Time.nullable(),
    last_used_at: Time.nullable().meta({ description: "To the minute; null: never" }),
    replaced_by: z.uuid().nullable().meta({ description: "The token that was made in its place" }),
  })
  .meta({ id: "Token", example: examples.token });

export const NewTokenView = TokenView.extend({
  token: z.string().meta({ description: "For `Authorization: Bearer …`; shown this once" }),
}).meta({ id: "NewToken", example: examples.newToken });

const NullableText = z.string().nullable();

export const PushCredentialView = z
  .strictObject({
    id: z.uuid(),
    url: z.string(),
    kind: PushCredentialInfo.shape.kind,
    project_id: NullableText,
    client_email: NullableText,
    team_id: NullableText,
    key_id: NullableText,
    bundle_id: NullableText,
    environment: z.enum(["production", "development"]).nullable(),
    public_key: NullableText.meta({ description: "Of a VAPID pair: what browsers subscribe with" }),
    fingerprint: NullableText.meta({ description: "SHA-256 of the public half of the key: tells two keys apart" }),
    created_at: Time,
    changed_at: Time,
    expires_at: Time.nullable(),
    expires_soon: z.boolean().meta({ description: "Within 30 days, or past" }),
    state: CredentialState.meta({
      description:
        "`paused`: the provider set a time, or cannot be reached. `unreadable`: sealed with a key that is gone. " +
        "`unused`: neither checked nor used since it was set",
    }),
    state_since: Time,
    reason: NullableText.meta({ description: "The provider's own word" }),
    retry_at: Time.nullable(),
    waiting_pushes: z.int().meta({ description: "Pushes that had to wait and still do; none of them is lost" }),
  })
  .meta({ id: "PushCredential", example: examples.pushCredential });

/** The body of `POST …/push_credentials/:id/canary`. */
export const CanaryBody = CanaryTargetBody.extend({ notification: NotificationContent.nullish() }).meta({
  id: "Canary",
  example: { user_id: "user-1", device_id: "phone-1", notification: { text: "Is anybody there?" } },
});

export const CanaryAnswerView = z
  .strictObject({
    accepted: z.boolean(),
    status: z.int().nullable().meta({ description: "The provider's HTTP status; null: it gave no answer" }),
    reason: NullableText.meta({ description: "The provider's own word, or why there is no answer" }),
    provider_id: NullableText,
    duration_ms: z.int(),
  })
  .meta({ id: "CanaryAnswer", example: examples.canaryAnswer });
export const IdentityProviderView = z
  .strictObject({
    id: z.string().meta({ description: "The `iss` of its identity tokens" }),
    url: z.string(),
    app_id: z.uuid(),
    name: z.string(),
    created_at: Time,
  })
  .meta({ id: "IdentityProvider", example: examples.identityProvider });

export const IdentityKeyRequest = z
  .object({
    public_key: z.union([z.string(), z.record(z.string(), z.unknown())]).meta({ description: "RSA, as PEM or as JWK" }),
  })
  .meta({ id: "IdentityKeyRequest", example: { public_key: examples.identityKey.public_key } });

export const IdentityKeyView = z
  .strictObject({
    id: z.string().meta({ description: "The `kid` of the identity tokens that it is for" }),
    url: z.string(),
    provider_id: z.string(),
    public_key: z.string().meta({ description: "PEM of its SubjectPublicKeyInfo" }),
    enabled: z.boolean(),
    created_at: Time,
  })
  .meta({ id: "IdentityKey", example: examples.identityKey });
