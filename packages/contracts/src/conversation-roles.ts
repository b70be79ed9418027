import { z } from "zod";
import { Millis, UserId } from "./values.ts";

/** What a participant may do; `member` is who was given nothing else. */
export const Role = z.enum(["owner", "moderator", "member", "read-only"]);
export type Role = z.infer<typeof Role>;

/** Who has which role; who is not named is a `member`. */
export const RoleOfUser = z.object({ userId: UserId, role: Role });
export type RoleOfUser = z.infer<typeof RoleOfUser>;

export const MAX_REASON = 512;
/** For people. An unpaired surrogate would not survive being stored. */
const Reason = z
  .string()
  .min(1)
  .max(MAX_REASON)
  .refine((reason) => reason.isWellFormed(), "has an unpaired surrogate")
  .nullable();

/** When something was imposed, why, and by which user; null: by the backend. */
const imposed = { at: Millis, by: UserId.nullable(), reason: Reason };

/** Nobody below a moderator writes. */
export const Freeze = z.object(imposed);
export type Freeze = z.infer<typeof Freeze>;

/** She sends nothing. `until` null: until she is unmuted. */
export const Mute = z.object({ ...imposed, until: Millis.nullable() });
export type Mute = z.infer<typeof Mute>;

/** A participant with her role, and the mute that is in force. */
export const Member = RoleOfUser.extend({ mute: Mute.nullable() });
export type Member = z.infer<typeof Member>;

/** She is out, and does not come in. `expiresAt` null: until she is unbanned. */
export const Ban = z.object({ userId: UserId, ...imposed, expiresAt: Millis.nullable() });
export type Ban = z.infer<typeof Ban>;

/** One act of whoever governs a conversation. */
export const GovernanceAct = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("set-role"), userId: UserId, role: Role }),
  z.object({ kind: z.literal("mute"), userId: UserId, until: Millis.nullable(), reason: Reason }),
  z.object({ kind: z.literal("unmute"), userId: UserId }),
  z.object({ kind: z.literal("freeze"), reason: Reason }),
  z.object({ kind: z.literal("unfreeze") }),
  z.object({ kind: z.literal("ban"), userId: UserId, expiresAt: Millis.nullable(), reason: Reason }),
  z.object({ kind: z.literal("unban"), userId: UserId }),
]);
export type GovernanceAct = z.infer<typeof GovernanceAct>;
