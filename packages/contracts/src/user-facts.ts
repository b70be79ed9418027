import { z } from "zod";
import { Coordinates } from "./audience.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { Millis, UserId, userIdList } from "./values.ts";

const ofUser = { service: "directory", lane: "identities", version: 1 } as const;
const byUser = ({ userId }: { readonly userId: string }): string => userId;

/** Where a user was, and when. */
export const UserLocation = Coordinates.extend({ at: Millis });
export type UserLocation = z.infer<typeof UserLocation>;

/**
 * Says where a user is. A later one that is there already stays; the reply is what holds then. Refused: `not_found` for
 * who is not known.
 */
export const SetLocation = defineCommand({
  ...ofUser,
  name: "SetLocation",
  payload: z.object({ userId: UserId, location: UserLocation }),
  reply: z.object({ location: UserLocation }),
  orderedBy: byUser,
});

/** Forgets where a user is. Refused: `not_found` for who is not known. */
export const RemoveLocation = defineCommand({
  ...ofUser,
  name: "RemoveLocation",
  payload: z.object({ userId: UserId }),
  orderedBy: byUser,
});

/** Where a user was last known to be; null where nobody said. */
export const GetLocation = defineQuery({
  service: "directory",
  name: "GetLocation",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ location: UserLocation.nullable() }),
});

/** A user was there, at this time. Times only go up. Refused: `not_found` for who is not known. */
export const RecordVisit = defineCommand({
  ...ofUser,
  name: "RecordVisit",
  payload: z.object({ userId: UserId, at: Millis }),
  orderedBy: byUser,
});

/** What an announcement is made personal by: what is known of a recipient, null where nothing is. */
export const PersonalFacts = z.object({
  userId: UserId,
  /** As her backend says in her metadata, else as her newest device has it. */
  locale: z.string().nullable(),
  displayName: z.string().nullable(),
  firstName: z.string().nullable(),
  lastName: z.string().nullable(),
  emailAddress: z.string().nullable(),
  phoneNumber: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
});
export type PersonalFacts = z.infer<typeof PersonalFacts>;

/** The facts of up to 1,000 users; who is not known is left out. */
export const FindPersonalFacts = defineQuery({
  service: "directory",
  name: "FindPersonalFacts",
  version: 1,
  payload: z.object({ userIds: userIdList(1_000) }),
  reply: z.object({ facts: z.array(PersonalFacts).max(1_000) }),
});

/** A user was there, at this time. May be told of in any order, and again. */
export const UserVisited = defineEvent({
  name: "directory.user.visited",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, at: Millis }),
  consumedBy: ["receipt-tracking.insight-events"],
});
