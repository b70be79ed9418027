import type { Route } from "../http/route.ts";
import { flagRoutes } from "./flags.ts";
import type { KnownUsers } from "./known-users.ts";
import { moderatedUserRoutes } from "./moderated-users.ts";
import { moderationDecisionRoutes } from "./moderation-decisions.ts";
import { moderationPolicyRoutes } from "./moderation-policy.ts";

interface Deps {
  readonly users: KnownUsers;
  readonly maxBodyBytes: number;
  readonly areLocalWebhooksAllowed: boolean;
}

/** Community moderation: whom users flag, and what becomes of it. */
export const moderationRoutes = (deps: Deps): readonly Route[] => [
  ...flagRoutes(deps),
  ...moderationPolicyRoutes(deps),
  ...moderatedUserRoutes(deps.maxBodyBytes),
  ...moderationDecisionRoutes(deps.maxBodyBytes),
];
