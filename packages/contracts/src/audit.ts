import { z } from "zod";
import { Actor } from "./actor.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { AppId, Millis } from "./values.ts";

/** Actions may be added: pass over one that you do not know. `<what>.<past tense>`. */
export const AuditAction = z.string().regex(/^[a-z_]+\.[a-z_]+$/);

/** What was as it was, or is as it is, of what an act changed: never a secret. null: there was, or is, nothing. */
const Facts = z.record(z.string(), z.unknown()).nullable();

/** One administrative act, under the id of the command that was it. */
export const AuditEntry = z.object({
  entryId: z.string(),
  accountId: z.string(),
  /** null: an act upon the account itself. */
  appId: AppId.nullable(),
  /** When it was asked for. */
  at: Millis,
  action: AuditAction,
  /** What it was done to. */
  subject: z.object({ kind: z.string(), id: z.string() }),
  /** null: nobody said, as with what was under way while acts were not yet written down, or it was due by itself. */
  actor: Actor.omit({ scopes: true, expiresAt: true }).nullable(),
  before: Facts,
  after: Facts,
});
export type AuditEntry = z.infer<typeof AuditEntry>;

/**
 * Writes an act down whose object another service keeps, in the log of the app's account: sent by whoever did it, before it
 * acknowledges the command that was the act. A repeat adds nothing.
 */
export const RecordAct = defineCommand({
  service: "directory",
  lane: "admin",
  name: "RecordAct",
  version: 1,
  payload: AuditEntry.omit({ accountId: true, appId: true }),
});

/** An account's acts, newest first; `entries` is null where `after` is none of them. */
export const ListAudit = defineQuery({
  service: "directory",
  name: "ListAudit",
  version: 1,
  payload: z.object({
    accountId: z.string(),
    appId: AppId.optional(),
    actorId: z.string().max(128).optional(),
    action: AuditAction.optional(),
    from: Millis.optional(),
    /** Not included. */
    to: Millis.optional(),
    /** Entries come from behind this one. */
    after: z.string().max(256).nullable(),
    limit: z.number().int().min(1).max(1_000),
  }),
  reply: z.object({ entries: z.array(AuditEntry).nullable() }),
});
