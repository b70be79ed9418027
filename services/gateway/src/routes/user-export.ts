import { GetUser } from "@strata/contracts";
import { notFound, requireUserId } from "@strata/layer-protocol";
import { z } from "zod";
import { NDJSON_TYPE } from "../http/other-types.ts";
import { type Answer, type Call, type Route, streamed } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";
import { asExport } from "./user-export-lines.ts";
import { exportRecords } from "./user-export-records.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
}

const ExportLine = z.looseObject({ type: z.string() }).meta({
  id: "UserExportLine",
  description: "One line",
  example: { type: "block", user_id: "user-2" },
});

export const exportUser = ({ users }: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/export",
  // What she wrote and got is in it, and not only who she is.
  access: "app:read",
  operation: operation({
    id: "exportUser",
    tag: "Users",
    summary: "What is kept of one user, as lines of JSON",
    description:
      "A line a record, each with its `type`: first `header`, then what there is, last `end` with `counts` by type. An " +
      "answer without `end` was cut off: a service did not answer. Nothing that others wrote is in it, and no secrets: of who " +
      "blocks or flags her only how many, of announcements when she got and read them.",
    path: UserPath,
    answer: { status: 200, description: "All of it, however long", schema: ExportLine, type: NDJSON_TYPE },
    errors: [404, 422],
  }),
  handle: (call) => start(call, users),
});

/** Who she is, is asked before anything is sent: 404 for nobody, 503 where nothing can be said. */
async function start(call: Call, users: KnownUsers): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await users.require(call, userId);
  const { user } = await call.calls.ask(GetUser, { userId });
  if (!user) throw notFound("There is no such user");
  const pieces = asExport({ appId: call.wire.appId, userId, at: Date.now() }, exportRecords(call, user));
  return streamed({ type: NDJSON_TYPE, pieces });
}
