import { z } from "zod";
import type { ZodOpenApiOperationObject } from "zod-openapi";

/** The operation for who needs no session. */
export const forAnybody = (operation: ZodOpenApiOperationObject): ZodOpenApiOperationObject => ({
  ...operation,
  security: [],
});

/** The operation for who has one. */
export const forSession = (operation: ZodOpenApiOperationObject): ZodOpenApiOperationObject => ({
  ...operation,
  security: [{ session: [] }],
});

/** The same operation in the Client API, where no path names app or user: that is the session's to say. */
export function asClientOperation(operation: ZodOpenApiOperationObject): ZodOpenApiOperationObject {
  const { operationId = "", requestParams = {} } = operation;
  const { path, ...others } = requestParams;
  const shape = path instanceof z.ZodObject ? path.shape : {};
  const kept = Object.fromEntries(Object.entries(shape).filter(([name]) => name !== "app" && name !== "user"));
  return forSession({
    ...operation,
    operationId: `client${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}`,
    tags: ["Client API"],
    requestParams: { ...others, ...(Object.keys(kept).length === 0 ? {} : { path: z.object(kept) }) },
  });
}
