import { z } from "zod";
import type { ZodOpenApiOperationObject } from "zod-openapi";
import { endpointsPage } from "../docs/endpoints-page.ts";
import { errorsPage } from "../docs/errors-page.ts";
import type { OpenRoute, Route } from "../http/route.ts";
import { openApiDocument } from "../openapi/document.ts";

/** The routes that document these routes, and themselves. What they answer is made once. */
export function documentation(routes: readonly Route[], publicUrl: string): readonly OpenRoute[] {
  // The document is of all routes, these included: it is asked for only once they exist.
  const document = once(() => openApiDocument([...routes, ...own], publicUrl));
  const endpoints = once(() => endpointsPage(document()));
  const errors = once(errorsPage);
  const own: readonly OpenRoute[] = [
    {
      method: "get",
      path: "/openapi.json",
      access: "open",
      operation: open("getOpenApi", "This document", "application/json"),
      handle: () => ({ status: 200, json: document() }),
    },
    {
      method: "get",
      path: "/docs",
      access: "open",
      operation: open("getDocs", "All endpoints, as a page", "text/html"),
      handle: () => ({ status: 200, html: endpoints() }),
    },
    {
      method: "get",
      path: "/docs/errors",
      access: "open",
      operation: open("getErrorDocs", "All errors, as a page", "text/html"),
      handle: () => ({ status: 200, html: errors() }),
    },
  ];
  return own;
}

const open = (operationId: string, summary: string, contentType: string): ZodOpenApiOperationObject => ({
  operationId,
  tags: ["Documentation"],
  summary,
  security: [],
  responses: {
    "200": {
      description: summary,
      content: {
        [contentType]: { schema: contentType === "application/json" ? z.record(z.string(), z.json()) : z.string() },
      },
    },
  },
});

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
