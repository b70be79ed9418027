import { invalidEndpoint, type LayerError, type LayerVersion, methodNotAllowed } from "@strata/layer-protocol";
import type { Route } from "./route.ts";

export const isServedIn = (route: Route, version: LayerVersion): boolean =>
  !("versions" in route) || (route.versions?.includes(version) ?? true);

const elsewhere = (route: Route) => ("allowElsewhere" in route ? (route.allowElsewhere ?? []) : []);

/**
 * The refusal of a method that a path does not have in a version: 405 with those that it has there, or 404
 * `invalid_endpoint` where the version does not know the path at all. null: no version was named that there is, so all
 * methods are told.
 */
export function notServed(routesOfPath: readonly Route[], version: LayerVersion | null): LayerError {
  const served = routesOfPath.filter((route) => version === null || isServedIn(route, version));
  const methods = served.length > 0 ? served.map(({ method }) => method) : routesOfPath.flatMap(elsewhere);
  return methods.length === 0 ? invalidEndpoint() : methodNotAllowed(methods.map((method) => method.toUpperCase()));
}
