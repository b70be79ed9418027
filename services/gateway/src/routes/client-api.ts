import { isAppScope } from "@strata/contracts";
import type { GuardedRoute, Route } from "../http/route.ts";
import { asClientOperation } from "../openapi/client-operation.ts";

const USER = "/apps/:app/users/:user";

/**
 * What of the user's door is also the Client API (client API 4), and under which path where that is another one. Nothing is
 * offered to users because it is offered to backends: what is not named here is not there.
 */
const OFFERED: readonly (readonly [method: string, path: string, clientPath?: string])[] = [
  ["get", "/following"],
  ["post", "/following", "/following/users"],
  ["get", "/following/:followed", "/following/users/:followed"],
  ["put", "/following/:followed", "/following/users/:followed"],
  ["delete", "/following/:followed", "/following/users/:followed"],
  ["get", "/conversations"],
  ["post", "/conversations"],
  ["get", "/conversations/:conversation"],
  ["patch", "/conversations/:conversation"],
  ["delete", "/conversations/:conversation"],
  ["post", "/conversations/:conversation/mark_all_read"],
  ["get", "/conversations/:conversation/members"],
  ["get", "/conversations/:conversation/members/:member"],
  ["put", "/conversations/:conversation/members/:member"],
  ["put", "/conversations/:conversation/members/:member/mute"],
  ["delete", "/conversations/:conversation/members/:member/mute"],
  ["put", "/conversations/:conversation/freeze"],
  ["delete", "/conversations/:conversation/freeze"],
  ["get", "/conversations/:conversation/bans"],
  ["get", "/conversations/:conversation/bans/:member"],
  ["put", "/conversations/:conversation/bans/:member"],
  ["delete", "/conversations/:conversation/bans/:member"],
  ["get", "/conversations/:conversation/messages"],
  ["post", "/conversations/:conversation/messages"],
  ["get", "/conversations/:conversation/messages/:message"],
  ["get", "/conversations/:conversation/messages/:message/responses"],
  ["post", "/conversations/:conversation/invites"],
  ["get", "/conversations/:conversation/invites"],
  ["get", "/conversations/:conversation/invites/:invite"],
  ["delete", "/conversations/:conversation/invites/:invite"],
  ["get", "/invites"],
  ["get", "/invites/:invite"],
  ["post", "/redeem_invite"],
  ["post", "/invites/:invite/accept"],
  ["post", "/invites/:invite/decline"],
  ["post", "/conversations/:conversation/content"],
  ["get", "/conversations/:conversation/content/:content"],
  ["get", "/messages/:message"],
  ["delete", "/messages/:message"],
  ["post", "/messages/:message/receipts"],
  ["get", "/messages/:message/parts"],
  ["get", "/messages/:message/parts/:part"],
  ["get", "/announcements"],
  ["post", "/announcements/read"],
  ["get", "/announcements/:announcement"],
  ["delete", "/announcements/:announcement"],
  ["post", "/announcements/:announcement/receipts"],
  ["post", "/content"],
  ["get", "/unread"],
  ["post", "/push_tokens"],
  ["delete", "/push_tokens/:device"],
];

/** The routes of the user's door that are offered to users themselves: one handler, of which her session says who she is. */
export const clientRoutes = (routes: readonly Route[]): readonly GuardedRoute[] =>
  OFFERED.map(([method, path, clientPath = path]) => {
    const route = routes.find((one) => one.method === method && one.path === USER + path);
    if (route === undefined || !isOfApp(route)) {
      throw new Error(`the user's door has no ${method} ${path} to offer in the Client API`);
    }
    return offered(route, clientPath);
  });

/** All versions of the Client API have all of it; others are refused before (serve-route.ts). */
function offered(
  { versions: _versions, allowElsewhere: _elsewhere, ...route }: GuardedRoute,
  path: string,
): GuardedRoute {
  return { ...route, path, access: "session", operation: asClientOperation(route.operation) };
}

const isOfApp = (route: Route): route is GuardedRoute => isAppScope(route.access);
