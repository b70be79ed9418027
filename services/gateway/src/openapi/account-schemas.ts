import { Scope } from "@strata/contracts";
import { z } from "zod";
import { examples } from "./examples.ts";

const Time = z.iso.datetime();

export const AppView = z
  .strictObject({
    id: z.string().meta({ description: "`layer:///apps/production/<app_id>`" }),
    url: z.string(),
    app_id: z.uuid().meta({ description: "What stands in paths" }),
    name: z.string(),
    created_at: Time,
  })
  .meta({ id: "App", example: examples.app });

export const TokenView = z
  .strictObject({
    id: z.uuid(),
    url: z.string(),
    app_id: z.uuid(),
    name: z.string(),
    scopes: z.array(Scope),
    created_at: Time,
    expires_at: Time.nullable(),
    revoked_at: Time.nullable(),
  })
  .meta({ id: "Token", example: examples.token });

export const NewTokenView = TokenView.extend({
  token: z.string().meta({ description: "For `Authorization: Bearer …`; shown this once" }),
}).meta({ id: "NewToken", example: examples.newToken });

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
