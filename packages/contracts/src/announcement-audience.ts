import { z } from "zod";
import { AcceptReply, AnnouncementRequest } from "./announcement.ts";
import { type Audience, AudienceFilter } from "./audience.ts";
import { defineCommand } from "./define.ts";

/** An audience that is not a list of names. Times in a filter may be relative: they are settled when it is accepted. */
export const NamelessAudience: z.ZodType<Exclude<Audience, { kind: "recipients" }>> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("filter"), filter: AudienceFilter, segmentId: z.uuid().nullable() }),
  z.object({ kind: z.literal("everyone") }),
]);
export type NamelessAudience = z.infer<typeof NamelessAudience>;

/**
 * An announcement to whoever matches a filter, or to everyone, in one step whatever their number: who was known when it
 * was accepted, and with `includeNewUsersUntil` who becomes known until then.
 */
export const AnnounceToAudience = defineCommand({
  service: "announcement-fanout",
  lane: "many",
  name: "AnnounceToAudience",
  version: 1,
  payload: AnnouncementRequest.extend({
    audience: NamelessAudience,
    /** How many there were when that was counted; null: nobody has counted. */
    recipientCount: z.number().int().nonnegative().nullable(),
  }),
  reply: AcceptReply,
});
