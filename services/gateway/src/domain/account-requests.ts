import type { Scope } from "@strata/contracts";
import { parseBySchema, requireJsonObject, requireProperties } from "@strata/layer-protocol";
import { z } from "zod";

const Name = z.string().min(1).max(128);

/** The body of `POST /accounts/apps`. */
export const AppBody = z.object({ name: Name }).meta({ example: { name: "Shop" } });

/** The body of `POST /accounts/apps/:app/tokens`. */
export const TokenBody = z
  .object({
    name: Name,
    scopes: z
      .array(z.enum(["app:read", "app:write"]))
      .min(1)
      .nullish(),
    expires_at: z.iso.datetime({ offset: true }).nullish(),
  })
  .meta({ example: { name: "backend", scopes: ["app:read", "app:write"] } });

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `name` */
export function parseApp(body: unknown): { readonly name: string } {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["name"]);
  return parseBySchema(AppBody, fields);
}

export interface WantedToken {
  readonly name: string;
  readonly scopes: Scope[];
  readonly expiresAt: number | null;
}

/**
 * Without scopes a token may do everything in its app; it never administers the account.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`
 */
export function parseToken(body: unknown): WantedToken {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["name"]);
  const { name, scopes, expires_at: expiresAt } = parseBySchema(TokenBody, fields);
  return {
    name,
    scopes: [...new Set(scopes ?? (["app:read", "app:write"] as const))],
    expiresAt: expiresAt ? Date.parse(expiresAt) : null,
  };
}
