import type { OpenApiDocument } from "../openapi/document.ts";
import { escapeHtml, page, proseHtml } from "./page.ts";

const METHODS = ["get", "post", "put", "patch", "delete", "options"] as const;

type Operation = NonNullable<NonNullable<OpenApiDocument["paths"]>[string]["get"]>;

interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** All endpoints by their tag, from the document that /openapi.json serves. */
export function endpointsPage(document: OpenApiDocument): string {
  const endpoints = endpointsOf(document);
  const sections = (document.tags ?? []).map(({ name, description = "" }) => {
    const own = endpoints.filter(({ operation }) => operation.tags?.includes(name));
    return `<h2>${escapeHtml(name)}</h2>\n<p>${proseHtml(description)}</p>\n${own.map(endpointHtml).join("\n")}`;
  });
  return page(
    document.info.title,
    `<p>${proseHtml(document.info.description ?? "")}</p>
<p><a href="/openapi.json">openapi.json</a> · <a href="/docs/errors">Errors</a></p>
${sections.join("\n")}
<h2>Schemas</h2>
${Object.entries(document.components?.schemas ?? {})
  .map(([name, schema]) => detailsHtml(`<code id="${escapeHtml(name)}">${escapeHtml(name)}</code>`, jsonHtml(schema)))
  .join("\n")}`,
  );
}

const endpointsOf = ({ paths = {} }: OpenApiDocument): readonly Endpoint[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ method: method.toUpperCase(), path, operation }];
    }),
  );

function endpointHtml({ method, path, operation }: Endpoint): string {
  const { summary = "", description = "", parameters = [], requestBody, responses = {} } = operation;
  const head = `<span class="method">${method}</span><code>${escapeHtml(path)}</code> ${proseHtml(summary)}`;
  const body = [
    `<p>${proseHtml(description)}</p>`,
    parameters.length > 0 ? `<h4>Parameters</h4>${jsonHtml(parameters)}` : "",
    requestBody === undefined ? "" : `<h4>Body</h4>${jsonHtml(requestBody)}`,
    `<h4>Answers</h4>${jsonHtml(responses)}`,
  ];
  return detailsHtml(head, body.join("\n"));
}

const detailsHtml = (summary: string, body: string): string =>
  `<details><summary>${summary}</summary>${body}</details>`;

const jsonHtml = (value: unknown): string => `<pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre>`;
