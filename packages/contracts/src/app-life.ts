import { z } from "zod";
import { Actor } from "./actor.ts";
import { App } from "./app.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { AppId, Millis } from "./values.ts";

/** What may be done to an app as a whole. */
export const AppChange = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("rename"), name: z.string().min(1).max(128) }),
  z.object({ kind: z.literal("suspend") }),
  z.object({ kind: z.literal("resume") }),
  z.object({ kind: z.literal("delete") }),
  z.object({ kind: z.literal("restore") }),
]);
export type AppChange = z.infer<typeof AppChange>;

/**
 * Renames, suspends, resumes, deletes or restores an app; what is so already stays so. Refused: `not_found`, also for one whose
 * grace is over; `invalid_operation` for anything else than restoring a deleted one.
 */
export const ChangeApp = defineCommand({
  service: "directory",
  lane: "admin",
  name: "ChangeApp",
  version: 1,
  payload: z.object({ appId: AppId, accountId: z.string(), change: AppChange, actor: Actor.optional() }),
  reply: App,
});

/** Whether the request's app lets anybody in, and since when it does without a break. */
export const GetAppOpening = defineQuery({
  service: "directory",
  name: "GetAppOpening",
  version: 1,
  payload: z.object({}),
  reply: z.object({ isOpen: z.boolean(), since: Millis }),
});

/**
 * An app has another name or state: whoever keeps what its tokens or sessions grant asks again. `purged`: the grace of a deleted
 * one is over, its tokens are gone, and it does not come back. Carries the app's version: ignore an older one.
 */
export const AppChanged = defineEvent({
  name: "directory.app.changed",
  version: 1,
  producer: "directory",
  payload: z.object({
    appId: AppId,
    name: z.string(),
    state: z.enum(["active", "suspended", "deleted", "purged"]),
    version: z.number().int(),
  }),
  consumedBy: [
    "announcement-fanout.purged-apps",
    "conversation.purged-apps",
    "integration.purged-apps",
    "push-delivery.purged-apps",
    "receipt-tracking.purged-apps",
  ],
});
