import { Scope } from "@strata/contracts";
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import type { Route } from "../http/route.ts";

/** Express writes parameters as `:app`, OpenAPI as `{app}`. */
export const openApiPath = (path: string): string => path.replaceAll(/:(\w+)/g, "{$1}");

/** With the scope that its token must hold, where a token is what it needs: from the route itself, so it is no other. */
function withScope({ access, operation }: Route): ZodOpenApiOperationObject {
  const { data: scope } = Scope.safeParse(access);
  if (scope === undefined) return operation;
  return { ...operation, security: [{ token: [scope] }], "x-strata-scope": scope };
}

/** The OpenAPI 3.1 document of these routes, as plain JSON. */
export function openApiDocument(routes: readonly Route[], publicUrl: string): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method]: withScope(route) };
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Strata",
      version: "0.1.0",
      description:
        "Application-to-user messaging. The paths below /apps speak the published Layer Server API, versions 1.0 to 3.0, " +
        "and go beyond it in the same style; those at the root the Layer Client API, versions 2.0 and 3.0. " +
        `Errors are explained at ${publicUrl}/docs/errors.`,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: publicUrl }],
    tags: [
      { name: "Announcements", description: "Messages to many users that persist and are counted" },
      { name: "Conversations", description: "Who talks with whom, and what is known of it" },
      { name: "Messages", description: "What is said in conversations, by users and by the backend" },
      { name: "Notifications", description: "Pushes without a message" },
      { name: "Content", description: "Bytes too large for a message" },
      { name: "Users", description: "What one user is, has and has got" },
      { name: "Audiences", description: "Users by what is known of them: filters under a name" },
      { name: "Pushes", description: "What decides over pushes: an app's policy, and what each user wants" },
      { name: "Moderation", description: "Whom users flag, and what an app does about it" },
      {
        name: "Client API",
        description: "For users themselves, with a session: what apps in browsers and on phones speak",
      },
      { name: "Apps", description: "What is set for an app" },
      {
        name: "Accounts",
        description: "Apps, tokens, identity providers and push credentials, with a token of the account",
      },
      { name: "Documentation", description: "For anybody, without a token" },
    ],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description:
            "`strata_` and 33 characters. Each operation names the scope that its token must hold (`x-strata-scope`); " +
            "`app:read` and `app:write` hold those of all areas of an app, `account:admin` holds `account:write`, and " +
            "that `account:read`.",
        },
        session: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description: 'Of the Client API: `Layer session-token="<token>"`',
        },
      },
    },
  });
}

export type OpenApiDocument = ReturnType<typeof createDocument>;
