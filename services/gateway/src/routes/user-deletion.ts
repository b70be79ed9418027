import { GetUserDeletion, type UserDeletion } from "@strata/contracts";
import { formatOptionalTime, formatTime, notFound, requireUserId } from "@strata/layer-protocol";
import { z } from "zod";
import { KEPT_AFTER_DELETION } from "../domain/kept-after-deletion.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";

const Time = z.iso.datetime();

const UserDeletionView = z
  .object({
    user_id: z.string(),
    requested_at: Time,
    requested_by: z.object({ kind: z.enum(["token", "member"]), id: z.string() }).nullable(),
    state: z.enum(["under_way", "complete"]),
    completed_at: Time.nullable(),
    removed: z.array(
      z.object({ service: z.string(), counts: z.record(z.string(), z.number().int()), done_at: Time.nullable() }),
    ),
    kept: z.array(z.object({ what: z.string(), why: z.string() })),
  })
  .meta({
    id: "UserDeletion",
    description: "What the deletion of a user removed, and what it keeps",
    example: {
      user_id: "user-1",
      requested_at: "2026-07-10T20:14:02.000Z",
      requested_by: { kind: "token", id: "7e0d1a3c-5b57-4c0e-9f0a-0b1c2d3e4f50" },
      state: "complete",
      completed_at: "2026-07-10T20:14:03.120Z",
      removed: [{ service: "push-delivery", counts: { devices: 2 }, done_at: "2026-07-10T20:14:03.120Z" }],
      kept: [{ what: "messages", why: "What she said to others is theirs, too." }],
    },
  });

export const getUserDeletion = (): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/deletion",
  access: "users:read",
  operation: operation({
    id: "getUserDeletion",
    tag: "Users",
    summary: "What the last deletion of a user removed",
    description:
      "By service, how many of each kind there were when it began to remove them, and when it was done. Complete once all " +
      "are. `kept` says what stays, and why. The report is there for a year; 404 before a deletion, and after that.",
    path: UserPath,
    answer: { status: 200, description: "The report", schema: UserDeletionView },
    errors: [404, 422],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const { deletion } = await call.calls.ask(GetUserDeletion, { userId });
  if (deletion === null) throw notFound("There is no deletion of such a user on record");
  return ok(viewOf(deletion));
}

function viewOf({ userId, at, by, steps }: UserDeletion): z.infer<typeof UserDeletionView> {
  const times = steps.flatMap(({ doneAt }) => doneAt ?? []);
  const isComplete = times.length === steps.length;
  return {
    user_id: userId,
    requested_at: formatTime(at),
    requested_by: by,
    state: isComplete ? "complete" : "under_way",
    completed_at: isComplete ? formatTime(Math.max(...times)) : null,
    removed: steps.map(({ step, counts, doneAt }) => ({
      service: step,
      counts,
      done_at: formatOptionalTime(doneAt),
    })),
    kept: [...KEPT_AFTER_DELETION],
  };
}
