import { ERRORS } from "@strata/layer-protocol";
import { z } from "zod";
import { NDJSON_TYPE } from "../http/other-types.ts";
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject } from "zod-openapi";

export const ErrorView = z
  .strictObject({
    id: z.enum(Object.keys(ERRORS)),
    code: z.number().int(),
    message: z.string(),
    url: z.string().meta({ description: "Where this error is explained" }),
    data: z.json().optional().meta({ description: "What is at fault, or the object that exists already" }),
  })
  .meta({ id: "Error", description: "Every answer that is no success has this body." });

type Tag =
  | "Announcements"
  | "Conversations"
  | "Messages"
  | "Notifications"
  | "Content"
  | "Users"
  | "Audiences"
  | "Pushes"
  | "Moderation"
  | "Insights"
  | "Apps"
  | "Accounts"
  | "Client API"
  | "Documentation";

interface Success {
  readonly status: 200 | 201 | 202 | 204;
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Absent: JSON. */
  readonly type?: string;
  readonly headers?: z.ZodObject;
}

interface Operation {
  readonly id: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly path?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Default: JSON. */
  readonly bodyType?: "application/vnd.layer-patch+json" | typeof NDJSON_TYPE;
  /** Where the body may also be NDJSON: each line of it. */
  readonly line?: z.ZodType;
  /** Whether a request without any body is understood too. */
  readonly isBodyOptional?: true;
  readonly answer: Success;
  /** Where there is more than one way to succeed. */
  readonly otherAnswers?: readonly Success[];
  /** Besides those that every operation with a token has. */
  readonly errors?: readonly (keyof typeof ERROR_MEANINGS)[];
}

const ERROR_MEANINGS = {
  403: "As always; or the conversation takes no messages, `conversation_closed`; or none of this user, `user_muted`; a user's role does not allow it, `access_denied`; whom it names is banned, `user_banned`",
  404: "There is no such object",
  405: "The version has no such method here; `Allow` lists those it has",
  409: "The id is in use, or the object exists already",
  410: "The object existed and was deleted",
  413: "The body is too long",
  422: "A property is missing or not valid; or the app's message policy refuses the message, `message_refused`",
} as const;

/** What can happen to any request with a token. */
const COMMON_ERRORS = {
  400: "The path, the body or a de-duplication header cannot be read",
  401: "No token, or one that grants nothing",
  403: "The token is another app's, or lacks the scope",
  406: "`Accept` names no version that there is, or a PATCH does not say that it is a Layer-Patch",
  429: "Too many requests of this token, or of its app under way; `Retry-After` says when to try again",
  500: "Something that nobody foresaw; it is in the log under the `X-Request-Id` of the answer",
  503: "A service does not answer; nothing was done, or it may be repeated under the same id after `Retry-After`",
} as const;

/** And to any that reads a body. */
const BODY_ERRORS = { 408: "The body did not come in whole in time" } as const;

/** What /openapi.json says about a route with a token, from the schemas that the route itself uses. */
export function operation(route: Operation): ZodOpenApiOperationObject {
  const {
    id,
    tag,
    summary,
    description,
    path,
    query,
    headers,
    body,
    bodyType = "application/json",
    isBodyOptional = false,
    line,
    answer,
    otherAnswers = [],
    errors = [],
  } = route;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: [{ token: [] }],
    requestParams: {
      ...(path ? { path } : {}),
      ...(query ? { query } : {}),
      header: (headers ?? z.object({})).extend(AcceptHeader.shape),
    },
    ...(body
      ? {
          requestBody: {
            required: !isBodyOptional,
            content: { [bodyType]: { schema: body }, ...(line ? { [NDJSON_TYPE]: { schema: line } } : {}) },
          },
        }
      : {}),
    responses: {
      ...successResponses([answer, ...otherAnswers]),
      ...errorResponses(COMMON_ERRORS),
      ...(body ? errorResponses(BODY_ERRORS) : {}),
      ...errorResponses(Object.fromEntries(errors.map((status) => [status, ERROR_MEANINGS[status]]))),
    },
  };
}

const AcceptHeader = z.object({
  Accept: z.string().optional().meta({
    description:
      "`application/vnd.layer+json; version=X`, X one of 1.0, 1.1, 2.0, 3.0. Absent or `application/json`: the newest",
    example: "application/vnd.layer+json; version=3.0",
  }),
});

const successResponses = (answers: readonly Success[]): Record<`2${string}`, ZodOpenApiResponseObject> =>
  Object.fromEntries(
    answers.map(({ status, description, headers, schema, type = "application/json" }) => [
      status,
      {
        description,
        ...(headers ? { headers } : {}),
        ...(schema ? { content: { [type]: { schema } } } : {}),
      },
    ]),
  );

const errorResponses = (meanings: Readonly<Record<string, string>>): Record<`4${string}`, ZodOpenApiResponseObject> =>
  Object.fromEntries(
    Object.entries(meanings).map(([status, description]) => [
      status,
      { description, content: { "application/json": { schema: ErrorView } } },
    ]),
  );
