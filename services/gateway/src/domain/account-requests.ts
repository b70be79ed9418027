import { AccountScope, AppEnvironment, AppScope, type Scope } from "@strata/contracts";
import { parseBySchema, requireJsonObject, requireProperties } from "@strata/layer-protocol";
import { z } from "zod";

const Name = z.string().min(1).max(128);
const ExpiresAt = z.iso.datetime({ offset: true }).nullish();
const MAX_OVERLAP_SECONDS = 30 * 86_400;

/** The body of `POST /accounts/apps`. */
export const AppBody = z
  .object({
    name: Name,
    environment: AppEnvironment.nullish().meta({ description: "production, where it is not said" }),
  })
  .meta({ example: { name: "Shop" } });

/** The body of `PATCH /accounts/apps/:app`. */
export const AppNameBody = z.object({ name: Name }).meta({ example: { name: "Shop" } });

/** The body of `POST /accounts/apps/:app/environments`. */
export const SiblingBody = z
  .object({ environment: AppEnvironment, name: Name.nullish() })
  .meta({ example: { environment: "staging" } });

/** The body of `POST /accounts/apps/:app/settings/copy`. */
export const CopyBody = z
  .object({
    from: z.string().meta({ description: "The app whose settings are taken, of the same account" }),
    policies: z
      .boolean()
      .nullish()
      .meta({ description: "With its push, message and moderation policies, without the URLs of their webhooks" }),
  })
  .meta({ example: { from: "layer:///apps/staging/3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c12" } });

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
export function parseApp(body: unknown): { readonly name: string; readonly environment?: AppEnvironment } {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["name"]);
  const { name, environment } = parseBySchema(AppBody, fields);
  return { name, ...(environment == null ? {} : { environment }) };
}

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` */
export function parseSibling(body: unknown): z.infer<typeof SiblingBody> {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["environment"]);
  return parseBySchema(SiblingBody, fields);
}

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` */
export function parseCopy(body: unknown): z.infer<typeof CopyBody> {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["from"]);
  return parseBySchema(CopyBody, fields);
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
