import { ROLES } from "@strata/layer-protocol";
import { z } from "zod";
import { Time, Uri, Url } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";
import { BasicIdentity } from "./user-schemas.ts";

const Role = z.enum(ROLES).meta({ id: "Role", description: "What a participant of a conversation may do" });

/** Of a conversation: who has which role. */
export const RolesBody = z.record(z.string(), Role).meta({
  description: "By identity URI from 2.0, or user id, of participants",
  example: { "layer:///identities/operator": "owner" },
});

const Reason = z.string().min(1).max(512);
const By = Uri.nullable().meta({ description: "Identity URI from 2.0, user id in 1.x; null: the backend" });
const User = z.union([BasicIdentity, z.string()]).meta({ description: "Identity from 2.0, user id in 1.x" });

const MOST_SECONDS = 400 * 86_400;
const Duration = z.number().min(1).max(MOST_SECONDS).nullish();

/** The body of `PUT …/members/:member`. */
export const MemberBody = z.object({ role: Role }).meta({ id: "MemberRequest", example: { role: "moderator" } });

/** The body of `PUT …/mute`. */
export const MuteBody = z
  .object({
    muted_until: Time.nullish().meta({ description: "Within 400 days. Either this or `duration_seconds`, or neither" }),
    duration_seconds: Duration,
    reason: Reason.nullish(),
  })
  .meta({ id: "MuteRequest", example: { duration_seconds: 3_600, reason: "Spam" } });

/** The body of `PUT …/bans/:member`. */
export const BanBody = z
  .object({
    expires_at: Time.nullish().meta({ description: "Within 400 days. Either this or `duration_seconds`, or neither" }),
    duration_seconds: Duration,
    reason: Reason.nullish(),
  })
  .meta({ id: "BanRequest", example: { reason: "Spam" } });

/** The body of `PUT …/freeze`. */
export const FreezeBody = z
  .object({ reason: Reason.nullish() })
  .meta({ id: "FreezeRequest", example: { reason: "We look into this" } });

export const MemberView = z
  .strictObject({
    url: Url,
    participant: User,
    role: Role,
    mute: z
      .strictObject({
        muted_at: Time,
        muted_by: By,
        muted_until: Time.nullable().meta({ description: "null: until she is unmuted" }),
        reason: Reason.nullable(),
      })
      .nullable()
      .meta({ description: "The one in force; null: she is not muted" }),
  })
  .meta({ id: "ConversationMember", example: examples.conversationMember });

export const BanView = z
  .strictObject({
    url: Url,
    user: User,
    banned_at: Time,
    banned_by: By,
    expires_at: Time.nullable().meta({ description: "null: until she is unbanned" }),
    reason: Reason.nullable(),
  })
  .meta({ id: "ConversationBan", example: examples.conversationBan });

export const FreezeView = z.strictObject({ frozen_at: Time, frozen_by: By, reason: Reason.nullable() }).meta({
  id: "ConversationFreeze",
  example: { frozen_at: "2020-01-02T03:04:05.678Z", frozen_by: null, reason: "We look into this" },
});

/** Which members a list is asked for. */
export const MemberFilter = z.object({
  role: Role.optional(),
  muted: z.enum(["true", "false"]).optional().meta({ description: "Only those who are muted now, or are not" }),
});
