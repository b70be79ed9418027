import { z } from "zod";
import { defineQuery } from "./define.ts";
import { Millis, Partition, UserId, userIdList } from "./values.ts";

/** How large a filter may be: bounds what one look at one user costs. */
export const AUDIENCE_LIMITS = { depth: 8, conditions: 50, values: 1_000 } as const;

/** What has one text for each user. */
export const AUDIENCE_TEXT_FIELDS = [
  "user_id",
  "display_name",
  "first_name",
  "last_name",
  "email_address",
  "phone_number",
  "identity_type",
  "locale",
  "time_zone",
] as const;
/** What has one text for each of a user's devices. */
export const AUDIENCE_DEVICE_FIELDS = ["platform", "app_version"] as const;
export const AUDIENCE_TIME_FIELDS = ["created_at", "last_seen_at"] as const;

const MetadataField = z.templateLiteral(["metadata.", z.string().min(1)]);
/** As on the wire; `metadata.<key>` is the value under this very key, also where it has dots in it. */
export const AudienceField = z.union([
  z.enum([...AUDIENCE_TEXT_FIELDS, ...AUDIENCE_DEVICE_FIELDS, ...AUDIENCE_TIME_FIELDS]),
  MetadataField,
]);
export type AudienceField = z.infer<typeof AudienceField>;

/** A text, or of a time its Millis, or `now-<n>` with `s`, `m`, `h` or `d` behind it. */
const Value = z.union([z.string(), Millis]);

/**
 * One claim about one field. `ne` is true also for who has no value, `exists` tells whether she has one. Texts are
 * compared by their UTF-8 bytes, versions of apps as versions.
 */
export const AudienceCondition = z.union([
  z.object({ field: AudienceField, eq: Value }),
  z.object({ field: AudienceField, ne: Value }),
  z.object({ field: AudienceField, in: z.array(Value).min(1).max(AUDIENCE_LIMITS.values) }),
  z.object({ field: AudienceField, exists: z.boolean() }),
  z.object({ field: AudienceField, gt: Value }),
  z.object({ field: AudienceField, lt: Value }),
  z.object({ field: AudienceField, startsWith: z.string().min(1) }),
]);
export type AudienceCondition = z.infer<typeof AudienceCondition>;

export const Coordinates = z.object({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
});
export type Coordinates = z.infer<typeof Coordinates>;

export const Area = z.union([
  z.object({ circle: Coordinates.extend({ radiusMeters: z.number().positive() }) }),
  /** The corners, in their order; the last is joined to the first. */
  z.object({ polygon: z.array(Coordinates).min(3) }),
]);
export type Area = z.infer<typeof Area>;

/** Where a user was last known to be, and how long ago at most; or, once that is settled, since when. */
export const AudiencePlace = z.object({
  within: Area,
  maxAgeSeconds: z.number().int().positive().optional(),
  since: Millis.optional(),
});
export type AudiencePlace = z.infer<typeof AudiencePlace>;

export type AudienceFilter =
  | { and: AudienceFilter[] }
  | { or: AudienceFilter[] }
  | { not: AudienceFilter }
  | AudienceCondition
  | AudiencePlace;

/** Which users: conditions, places, and `and`, `or`, `not` of them. */
export const AudienceFilter: z.ZodType<AudienceFilter> = z.lazy(() =>
  z.union([
    z.object({ and: z.array(AudienceFilter).min(1) }),
    z.object({ or: z.array(AudienceFilter).min(1) }),
    z.object({ not: AudienceFilter }),
    AudiencePlace,
    AudienceCondition,
  ]),
);

/** Who an announcement is for, as it was when it was accepted: a later change of the segment changes nothing here. */
export const Audience = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("recipients") }),
  z.object({ kind: z.literal("filter"), filter: AudienceFilter, segmentId: z.uuid().nullable() }),
  z.object({ kind: z.literal("everyone") }),
]);
export type Audience = z.infer<typeof Audience>;

const ofDirectory = { service: "directory", version: 1 } as const;

/**
 * The next users of a partition who match, from behind `after`, ascending in `compareUserIds`; a `null` filter is
 * everyone who is known. Who became known after `createdBefore` is left out. An answer is bounded by what it looks at
 * (20,000 users), so it may be short, or empty, with a `next`: ask again from there. `next: null`: there is nobody behind.
 */
export const MatchUsers = defineQuery({
  ...ofDirectory,
  name: "MatchUsers",
  payload: z.object({
    filter: AudienceFilter.nullable(),
    partition: Partition,
    after: UserId.nullable(),
    createdBefore: Millis,
    limit: z.number().int().min(1).max(1_000),
    withTimeZones: z.boolean().optional(),
  }),
  reply: z.object({
    userIds: userIdList(1_000),
    /** With `withTimeZones`: of each user, in the order of `userIds`; null where none is known. */
    timeZones: z.array(z.string().nullable()).max(1_000).optional(),
    next: UserId.nullable(),
  }),
});

/**
 * How many users match; a `null` filter is everyone who is known. Refused: `invalid_operation` when a filter cannot be
 * counted in time; `invalid_property` (`within.polygon`) as below.
 */
export const CountAudience = defineQuery({
  ...ofDirectory,
  name: "CountAudience",
  payload: z.object({ filter: AudienceFilter.nullable() }),
  reply: z.object({ count: z.number().int() }),
});

/**
 * Whether one user is known and matches. Refused, like everything that takes a filter: `invalid_property`
 * (`within.polygon`) for a polygon whose edges cross.
 */
export const MatchesAudience = defineQuery({
  ...ofDirectory,
  name: "MatchesAudience",
  payload: z.object({ filter: AudienceFilter.nullable(), userId: UserId }),
  reply: z.object({ matches: z.boolean() }),
});

/** The time zones of users, in their order; null where none is known. */
export const FindTimeZones = defineQuery({
  ...ofDirectory,
  name: "FindTimeZones",
  payload: z.object({ userIds: userIdList(1_000) }),
  reply: z.object({ timeZones: z.array(z.string().nullable()).max(1_000) }),
});

/** Which of these users are known, were at this time already, and match; without a filter all do. */
export const FindUsersKnownBefore = defineQuery({
  ...ofDirectory,
  name: "FindUsersKnownBefore",
  payload: z.object({ userIds: userIdList(1_000), before: Millis, filter: AudienceFilter.nullable().optional() }),
  reply: z.object({ userIds: userIdList(1_000) }),
});
