import {
  conflict,
  type ErrorId,
  ERRORS,
  formatTime,
  identityUri,
  idInUse,
  internalServerError,
  invalidRequest,
  LayerError,
  layerError,
  notFound,
  rateLimitExceeded,
  serviceUnavailable,
} from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";

const RETRY_AFTER_DEFAULT_MS = 2_000;

/**
 * Whatever was thrown, as an error of the contract. What another service refuses keeps its meaning and loses its
 * details, which are that service's own words; what nobody foresaw is 500 with no inner text.
 */
export function layerErrorOf(error: unknown): LayerError {
  if (error instanceof LayerError) return error;
  if (error instanceof DomainError) return ofDomainError(error);
  // The router found a path that does not decode.
  if (error instanceof URIError) return invalidRequest("The path is not encoded correctly");
  return internalServerError(error);
}

function ofDomainError(error: DomainError): LayerError {
  const id = error.code;
  if (!isErrorId(id)) return internalServerError(error);
  switch (id) {
    case "service_unavailable":
      return serviceUnavailable(retryAfterSeconds(error), error);
    case "rate_limit_exceeded":
      return rateLimitExceeded(retryAfterSeconds(error));
    case "internal_server_error":
      return internalServerError(error);
    case "not_found":
      return notFound();
    case "conflict":
      return conflict("The object exists already");
    case "id_in_use":
      return idInUse(null);
    case "access_denied":
      return layerError(id, error.message, denialOf(error));
    case "user_banned":
      return layerError(id, error.message, { property: "participants", ids: bannedOf(error) });
    case "message_refused":
      return layerError(id, error.message, ruleOf(error));
    default:
      return layerError(id, error.message, propertyOf(error));
  }
}

export const isErrorId = (code: string): code is ErrorId => Object.hasOwn(ERRORS, code);

const propertyOf = ({ details }: DomainError): { property: string } | undefined =>
  typeof details["property"] === "string" ? { property: details["property"] } : undefined;

/** Why a participant may not do something that others may, for programs; of anybody else, what she may not set. */
function denialOf(error: DomainError) {
  const { reason, requiredRole, mutedUntil } = error.details;
  if (typeof reason !== "string") return propertyOf(error);
  return {
    reason,
    ...(typeof requiredRole === "string" ? { required_role: requiredRole } : {}),
    ...(mutedUntil === undefined
      ? {}
      : { muted_until: typeof mutedUntil === "number" ? formatTime(mutedUntil) : null }),
  };
}

const bannedOf = ({ details: { userIds } }: DomainError): readonly string[] =>
  Array.isArray(userIds) ? userIds.flatMap((userId) => (typeof userId === "string" ? [identityUri(userId)] : [])) : [];
/** Its name alone: how to get past a rule is nobody's business. */
const ruleOf = ({ details }: DomainError): { rule: string } | undefined =>
  typeof details["rule"] === "string" ? { rule: details["rule"] } : undefined;

function retryAfterSeconds({ details }: DomainError): number {
  const afterMs = details["retryAfterMs"];
  return (typeof afterMs === "number" ? afterMs : RETRY_AFTER_DEFAULT_MS) / 1_000;
}
