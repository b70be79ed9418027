import { z } from "zod";
import { examples } from "./examples.ts";

const Latitude = z.number().min(-90).max(90);
const Longitude = z.number().min(-180).max(180);

export const LocationBody = z
  .object({
    latitude: Latitude,
    longitude: Longitude,
    at: z.iso.datetime({ offset: true }).nullish().meta({ description: "When she was there; now, where it is absent" }),
  })
  .meta({ id: "LocationRequest", example: { latitude: 48.2, longitude: 16.37 } });

export const LocationView = z
  .strictObject({ latitude: Latitude, longitude: Longitude, at: z.iso.datetime() })
  .meta({ id: "Location", example: examples.location });

/** As layer-protocol parses it; its hand-written checks are spelled out here. */
export const AudienceFilterBody = z.record(z.string(), z.json()).meta({
  id: "AudienceFilter",
  example: examples.segment.filter,
  description:
    "`{and: […]}`, `{or: […]}`, `{not: …}`, `{field, <operator>: value}` or `{within: {circle | polygon}, max_age_seconds}`. " +
    "Operators: `eq`, `ne` (true also without a value), `in`, `exists`, `gt`, `lt`, `starts_with`. Fields: `user_id`, " +
    "`display_name`, `first_name`, `last_name`, `email_address`, `phone_number`, `identity_type`, `metadata.<key>`, " +
    "`created_at`, `last_seen_at`, `platform`, `app_version` (compared as versions), `locale`, `time_zone`. " +
    "Conditions on `platform` and `app_version` in one `and` are about one device. At most 8 deep, 50 conditions, " +
    "1,000 values of one `in`.",
});

const Name = z.string().min(1).max(128).meta({ description: "No two segments of an app have the same" });

export const SegmentBody = z
  .object({ name: Name, filter: AudienceFilterBody })
  .meta({ id: "SegmentRequest", example: { name: examples.segment.name, filter: examples.segment.filter } });

export const SegmentChangeBody = z
  .object({ name: Name.nullish(), filter: AudienceFilterBody.nullish() })
  .meta({ id: "SegmentChangeRequest", example: { name: "Gold" } });

export const SegmentView = z
  .strictObject({
    id: z.string(),
    url: z.string(),
    name: z.string(),
    filter: AudienceFilterBody,
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: "Segment", example: examples.segment });

export const SegmentCountView = z
  .strictObject({ count: z.int().min(0) })
  .meta({ id: "SegmentCount", example: { count: 1_204 } });

export const SegmentUsersView = z
  .array(z.string())
  .meta({ description: "Identity URIs; in 1.x user ids", example: ["layer:///identities/user-1"] });
