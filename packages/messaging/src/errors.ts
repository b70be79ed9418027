import { DomainError } from "@strata/runtime";

/** How long a caller should wait before it asks again when the broker or a service is away. */
const RETRY_AFTER_MS = 2_000;

/** The broker cannot take messages now. The gateway answers 503 with Retry-After; consumers pause. */
export const brokerUnavailable = (message: string, cause?: unknown): DomainError =>
  new DomainError("service_unavailable", { dependency: "broker", retryAfterMs: RETRY_AFTER_MS }, { message, cause });

/** A service did not answer before the deadline, or there is no queue to ask it through. */
export const serviceUnavailable = (service: string, message: string): DomainError =>
  new DomainError("service_unavailable", { dependency: service, retryAfterMs: RETRY_AFTER_MS }, { message });

const dependencyOf = (error: unknown): unknown =>
  error instanceof DomainError && error.code === "service_unavailable" ? error.details["dependency"] : undefined;

/** True when this error, or one that caused it, says that `dependency` did not answer. */
export function saysUnavailable(error: unknown, dependency: string): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (dependencyOf(one) === dependency) return true;
  }
  return false;
}
