import { AccountScope, AppScope, type Scope } from "@strata/contracts";
import { parseBySchema, requireJsonObject, requireProperties } from "@strata/layer-protocol";
import { z } from "zod";

const Name = z.string().min(1).max(128);
const ExpiresAt = z.iso.datetime({ offset: true }).nullish();
const MAX_OVERLAP_SECONDS = 30 * 86_400;

/** The body of `POST /accounts/apps`. */
export const AppBody = z.object({ name: Name }).meta({ example: { name: "Shop" } });

/** The body of `POST /accounts/apps/:app/tokens`. */
export const TokenBody = z
  .object({
    name: Name,
    scopes: z.array(AppScope).min(1).nullish(),
    expires_at: ExpiresAt,
  })
  .meta({ example: { name: "backend", scopes: ["app:read", "app:write"] } });

/** The body of `POST /accounts/tokens`. */
export const AccountTokenBody = z
  .object({ name: Name, scopes: z.array(AccountScope).min(1), expires_at: ExpiresAt })
  .meta({ example: { name: "console", scopes: ["account:read"], expires_at: "2030-01-01T00:00:00Z" } });

/** The body of `POST …/tokens/:token/rotate`. */
export const RotationBody = z
  .object({
    overlap_seconds: z
      .int()
      .min(0)
      .max(MAX_OVERLAP_SECONDS)
      .nullish()
      .meta({ description: "How long the old one goes on, at most; a day where it is not said" }),
    expires_at: ExpiresAt.meta({ description: "Of the new one; where it is not said, the old one's before" }),
  })
  .meta({ id: "TokenRotation", example: { overlap_seconds: 3_600 } });

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

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` */
export function parseAccountToken(body: unknown): WantedToken {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["name", "scopes"]);
  const { name, scopes, expires_at: expiresAt } = parseBySchema(AccountTokenBody, fields);
  return { name, scopes: [...new Set(scopes)], expiresAt: expiresAt ? Date.parse(expiresAt) : null };
}

interface WantedRotation {
  readonly overlapMs: number;
  /** Absent: as the old one has it. */
  readonly expiresAt?: number;
}

const DEFAULT_OVERLAP_SECONDS = 86_400;

/** Without a body it is as if nothing were said. @throws LayerError 400 `invalid_request`; 422 `invalid_property` */
export function parseRotation(body: unknown): WantedRotation {
  const { overlap_seconds: overlap, expires_at: expiresAt } = parseBySchema(
    RotationBody,
    requireJsonObject(body ?? {}),
  );
  return {
    overlapMs: (overlap ?? DEFAULT_OVERLAP_SECONDS) * 1_000,
    ...(expiresAt ? { expiresAt: Date.parse(expiresAt) } : {}),
  };
}
