import { z } from "zod";
import type { ZodOpenApiOperationObject } from "zod-openapi";
import type { ContentDoor } from "../content/content-door.ts";
import type { SignedRoute } from "../http/route.ts";
import { ErrorView } from "../openapi/operation.ts";

const path = "/content/:token";
const Token = z.object({ token: z.string().meta({ description: "As it stands in an upload or download URL" }) });
const Bytes = z.string().meta({ format: "binary" });

/** The bytes themselves, for who has a signed URL; bearer tokens do not come here. */
export const contentBytes = ({ take, give, preflight }: ContentDoor): readonly SignedRoute[] => [
  {
    method: "put",
    path,
    access: "signed",
    stream: take,
    operation: signed("uploadContent", "Upload content, whole or in pieces that follow each other", {
      description:
        "With `Content-Range: bytes first-last/total`, a piece; `bytes */total` without a body asks where the upload stands.",
      headers: z.object({ "Content-Range": z.string().optional() }),
      body: true,
      answers: {
        200: "All bytes are there",
        308: "Not all are there yet; `Range` says which are, and is absent when none are",
      },
    }),
  },
  {
    method: "get",
    path,
    access: "signed",
    stream: give,
    operation: signed("downloadContent", "Download content, whole or a range of it", {
      headers: z.object({ Range: z.string().optional(), "If-Range": z.string().optional() }),
      answers: {
        200: "All bytes",
        206: "The range that was asked for",
        302: "They are to be had at `Location`",
        416: "There is no such range",
      },
    }),
  },
  {
    method: "options",
    path,
    access: "signed",
    stream: preflight,
    operation: signed("preflightContent", "What a browser asks before an upload", { answers: { 204: "It may" } }),
  },
];

interface SignedOperation {
  readonly description?: string;
  readonly headers?: z.ZodObject;
  readonly body?: true;
  readonly answers: Readonly<Record<number, string>>;
}

const ERRORS = {
  400: "A header cannot be read",
  403: "The URL is not one for this, was changed, or has expired",
  404: "There is no such content, or its bytes are not all there",
  408: "The request stopped coming in",
  422: "The bytes are not those that were announced",
  429: "Too many transfers of this app under way",
  503: "A service does not answer; the upload can be resumed after `Retry-After`",
} as const;

function signed(operationId: string, summary: string, operation: SignedOperation): ZodOpenApiOperationObject {
  const { description, headers, body, answers } = operation;
  const bytes = { content: { "application/octet-stream": { schema: Bytes } } };
  const given = Object.entries(answers).map(([status, text]) => [
    status,
    { description: text, ...(operationId === "downloadContent" && /^20[06]$/.test(status) ? bytes : {}) },
  ]);
  const refused = Object.entries(ERRORS).map(([status, text]) => [
    status,
    { description: text, content: { "application/json": { schema: ErrorView } } },
  ]);
  return {
    operationId,
    tags: ["Content"],
    summary,
    ...(description === undefined ? {} : { description }),
    security: [],
    requestParams: { path: Token, ...(headers ? { header: headers } : {}) },
    ...(body ? { requestBody: bytes } : {}),
    responses: Object.fromEntries([...given, ...refused]),
  };
}
