import { LayerError, layerError } from "./layer-error.ts";

/** 422 `missing_property`: `property` is the dot path of what is absent. */
export const missingProperty = (property: string): LayerError =>
  layerError("missing_property", `${property} is required`, { property });

/** 422 `invalid_property`: `reason` completes the sentence that begins with the property's name. */
export const invalidProperty = (property: string, reason = "is not valid"): LayerError =>
  layerError("invalid_property", `${property} ${reason}`, { property });

/** 406 `invalid_header`: a bad `Accept`, or a bad `Content-Type` on PATCH. */
export const invalidHeader = (header: string, reason: string): LayerError =>
  layerError("invalid_header", `${header} ${reason}`, { header });

/** 400 `invalid_request`: the body has no structure that could be looked into. */
export const invalidRequest = (message: string): LayerError => layerError("invalid_request", message);

/** 400 `invalid_request_id`: a de-duplication header that cannot be one. */
export const invalidRequestId = (header: string, reason: string): LayerError =>
  layerError("invalid_request_id", `${header} ${reason}`, { header });

/** 401 `authentication_required`, without a nonce: those belong to the Client API (server API 3.3). */
export const authenticationRequired = (): LayerError =>
  layerError("authentication_required", "A valid bearer token is required");

/** 401 `authentication_required` of the Client API: with the nonce that a client logs in again with (client API 3.4). */
export const sessionRequired = (nonce: string): LayerError =>
  layerError("authentication_required", "A valid session token is required", { nonce });

/** 422 `invalid_property` `identity_token`; `reason` is a word for programs, `message` for people (client API 3.2). */
export const invalidIdentityToken = (reason: string, message: string): LayerError =>
  layerError("invalid_property", `identity_token is not valid: ${message}`, { property: "identity_token", reason });

/** 403 `invalid_app_id`: the token is good, but for another app (server API 3.3). */
export const invalidAppId = (): LayerError => layerError("invalid_app_id", "The token does not belong to this app");

/** 403 `app_suspended`: nobody gets into the app, whoever it is. */
export const appClosed = (state: "suspended" | "deleted"): LayerError =>
  layerError("app_suspended", state === "deleted" ? "The app was deleted" : "The app is suspended", { state });

/** 403 `access_denied`. */
export const accessDenied = (message = "Access to this object is denied"): LayerError =>
  layerError("access_denied", message);

/** 404 `not_found`; the same text whether the object is absent or another app's, so that nothing leaks. */
export const notFound = (message = "There is no such object"): LayerError => layerError("not_found", message);

/** 410 `object_deleted`: it existed, and the caller may know that it did. */
export const objectDeleted = (message = "The object was deleted"): LayerError => layerError("object_deleted", message);

/** 404 `invalid_endpoint`. */
export const invalidEndpoint = (): LayerError => layerError("invalid_endpoint", "There is no such endpoint");

/** 405 `method_not_allowed`, with the methods of the route in `Allow`. */
export const methodNotAllowed = (allowed: readonly string[]): LayerError =>
  new LayerError("method_not_allowed", `This endpoint takes ${allowed.join(", ")}`, {
    headers: { Allow: allowed.join(", ") },
  });

/** 409 `id_in_use`: `existing` is the stored object in the caller's version, null when it may not be shown (2.4). */
export const idInUse = (existing: unknown): LayerError =>
  layerError("id_in_use", "This id is already in use", existing ?? null);

/** 409 `conflict`: the object is there already; `existing` where the caller may see it. */
export const conflict = (message: string, existing?: unknown): LayerError => layerError("conflict", message, existing);

/** 422 `invalid_operation`. */
export const invalidOperation = (message: string): LayerError => layerError("invalid_operation", message);

/** 429 `rate_limit_exceeded`, with `Retry-After` (server API 2.7). */
export const rateLimitExceeded = (retryAfterSeconds: number): LayerError =>
  new LayerError("rate_limit_exceeded", "Too many requests", { headers: retryAfter(retryAfterSeconds) });

/** 503 `service_unavailable`, with `Retry-After`: nothing was stored, or the caller may repeat under the same id. */
export const serviceUnavailable = (retryAfterSeconds: number, cause?: unknown): LayerError =>
  new LayerError("service_unavailable", "The service is unavailable for the moment", {
    headers: retryAfter(retryAfterSeconds),
    cause,
  });

/** 500 `internal_server_error`: the cause is for the log, never for the body. */
export const internalServerError = (cause?: unknown): LayerError =>
  new LayerError("internal_server_error", "An unexpected error happened", { cause });

const retryAfter = (seconds: number) => ({ "Retry-After": String(Math.max(1, Math.ceil(seconds))) });
