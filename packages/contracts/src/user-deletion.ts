import { z } from "zod";
import { Actor } from "./actor.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { Millis, UserId } from "./values.ts";

/** The services that remove something when a user is deleted; a deletion is complete when each has said that it is done. */
export const DeletionStep = z.enum(["directory", "conversation", "push-delivery", "integration"]);
export type DeletionStep = z.infer<typeof DeletionStep>;

/** How many of each kind; kinds are words of the service's own. */
export const DeletionCounts = z.record(z.string().regex(/^[a-z][a-z_]{0,63}$/), z.number().int().nonnegative());
export type DeletionCounts = z.infer<typeof DeletionCounts>;

/** Which deletion: of whom, and of when. */
const OfDeletion = { userId: UserId, at: Millis };

/**
 * Tells what a service removes of a deleted user: first, before it removes anything, how many of each kind there are; then
 * that they are gone. Of each kind the highest number counts, so that whoever begins again, and finds less, takes nothing
 * away. A deletion that is not on record is let be.
 */
export const ReportDeletion = defineCommand({
  service: "directory",
  lane: "deletions",
  name: "ReportDeletion",
  version: 1,
  payload: z.object({ ...OfDeletion, step: DeletionStep, counts: DeletionCounts, isDone: z.boolean() }),
  orderedBy: ({ userId }) => userId,
});

/** Who had a user deleted, as far as a report keeps it. */
export const DeletedBy = Actor.pick({ kind: true, id: true });
export type DeletedBy = z.infer<typeof DeletedBy>;

export const UserDeletion = z.object({
  ...OfDeletion,
  by: DeletedBy.nullable(),
  steps: z.array(z.object({ step: DeletionStep, counts: DeletionCounts, doneAt: Millis.nullable() })),
});
export type UserDeletion = z.infer<typeof UserDeletion>;

/** The last deletion of a user, for as long as it is on record; null: there is none. */
export const GetUserDeletion = defineQuery({
  service: "directory",
  name: "GetUserDeletion",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ deletion: UserDeletion.nullable() }),
});
