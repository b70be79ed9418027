import { z } from "zod";
import { AudienceFilter } from "./audience.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { Millis } from "./values.ts";

const SegmentId = z.uuid();
const SegmentName = z.string().min(1).max(128);

/** A filter under a name. Whoever uses it takes its filter as it is then. */
export const Segment = z.object({
  segmentId: SegmentId,
  name: SegmentName,
  filter: AudienceFilter,
  createdAt: Millis,
  updatedAt: Millis,
  version: z.number().int(),
});
export type Segment = z.infer<typeof Segment>;

const ofDirectory = { service: "directory", version: 1 } as const;
const byAdmin = { ...ofDirectory, lane: "admin" } as const;

/**
 * Creates a segment. `in-use`: the id was taken by another command; `segment` is null when it was deleted since. Refused:
 * `conflict` when another has this name; `invalid_property` for a polygon whose edges cross.
 */
export const CreateSegment = defineCommand({
  ...byAdmin,
  name: "CreateSegment",
  payload: z.object({ segmentId: SegmentId, name: SegmentName, filter: AudienceFilter, at: Millis }),
  reply: z.object({ outcome: z.enum(["created", "in-use"]), segment: Segment.nullable() }),
});

/** Changes what is named of a segment. Refused: `not_found`; `conflict` and `invalid_property` as above. */
export const ChangeSegment = defineCommand({
  ...byAdmin,
  name: "ChangeSegment",
  payload: z.object({
    segmentId: SegmentId,
    name: SegmentName.optional(),
    filter: AudienceFilter.optional(),
    at: Millis,
  }),
  reply: Segment,
});

/** Deletes a segment. Announcements to it keep their own copy of its filter. Refused: `not_found`. */
export const DeleteSegment = defineCommand({
  ...byAdmin,
  name: "DeleteSegment",
  payload: z.object({ segmentId: SegmentId, at: Millis }),
});

/** null: there is none of this id, or it is another app's. */
export const GetSegment = defineQuery({
  ...ofDirectory,
  name: "GetSegment",
  payload: z.object({ segmentId: SegmentId }),
  reply: z.object({ segment: Segment.nullable() }),
});

/** The segments of an app by name, from behind the one called `after`. */
export const ListSegments = defineQuery({
  ...ofDirectory,
  name: "ListSegments",
  payload: z.object({ after: SegmentName.nullable(), limit: z.number().int().min(1).max(100) }),
  reply: z.object({ segments: z.array(Segment), total: z.number().int() }),
});

/** There is a new segment. */
export const SegmentCreated = defineEvent({
  name: "directory.segment.created",
  version: 1,
  producer: "directory",
  payload: z.object({ segmentId: SegmentId, version: z.number().int() }),
});

/** A segment has another name or another filter. Carries its version: ignore an older one. */
export const SegmentUpdated = defineEvent({
  name: "directory.segment.updated",
  version: 1,
  producer: "directory",
  payload: z.object({ segmentId: SegmentId, version: z.number().int() }),
});

/** There is a segment less. Carries its last version. */
export const SegmentDeleted = defineEvent({
  name: "directory.segment.deleted",
  version: 1,
  producer: "directory",
  payload: z.object({ segmentId: SegmentId, version: z.number().int() }),
});
