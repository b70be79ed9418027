/**
 * HTTP status of each error code. The codes are the published error ids of the Layer API and stay for ever: clients
 * branch on them. Whatever is not here is our own fault, hence 500.
 */
const STATUS_OF_CODE: ReadonlyMap<string, number> = new Map([
  ["service_unavailable", 503],
  ["invalid_app_id", 403],
  ["invalid_request_id", 400],
  ["authentication_required", 401],
  ["app_suspended", 403],
  ["user_suspended", 403],
  ["rate_limit_exceeded", 429],
  ["request_timeout", 408],
  ["invalid_operation", 422],
  ["invalid_request", 400],
  ["request_too_large", 413],
  ["internal_server_error", 500],
  ["access_denied", 403],
  ["not_found", 404],
  ["object_deleted", 410],
  ["missing_property", 422],
  ["invalid_property", 422],
  ["invalid_endpoint", 404],
  ["invalid_header", 406],
  ["conflict", 409],
  ["method_not_allowed", 405],
  ["id_in_use", 409],
  ["conversation_closed", 403],
  ["user_muted", 403],
  ["user_banned", 403],
  ["message_refused", 422],
]);

/** A stable snake_case word that callers and clients may branch on, such as `not_found`. */
export type ErrorCode = string;

/**
 * A refusal with a meaning: `code` says which, `details` what about. Everything in `details` may reach the caller, so
 * nothing secret belongs there; the inner reason goes into `cause`, which stays in our logs.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    details: Record<string, unknown> = {},
    options: { readonly cause?: unknown; readonly message?: string } = {},
  ) {
    super(options.message ?? code.replaceAll("_", " "), "cause" in options ? { cause: options.cause } : undefined);
    this.name = "DomainError";
    this.code = code;
    this.details = details;
  }
}

/** The HTTP status an error code is answered with; an unknown code is an unexpected failure and gets 500. */
export const httpStatusOf = (code: ErrorCode): number => STATUS_OF_CODE.get(code) ?? 500;
