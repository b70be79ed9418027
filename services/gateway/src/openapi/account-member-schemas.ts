import { AccountMember, AccountRole } from "@strata/contracts";
import { z } from "zod";
import { NewTokenView } from "./account-schemas.ts";
import { examples } from "./examples.ts";

const Time = z.iso.datetime();

export const AccountMemberView = z
  .strictObject({
    id: z.uuid(),
    url: z.string(),
    email: z.string(),
    name: z.string().nullable(),
    role: AccountRole.meta({
      description:
        "`owner` is allowed what `account:admin` allows, `developer` `account:write`, `viewer` `account:read`",
    }),
    state: AccountMember.shape.state.meta({ description: "`invited`: her code has not been used yet" }),
    invited_at: Time,
    joined_at: Time.nullable(),
    changed_at: Time,
    invitation_expires_at: Time.nullable().meta({ description: "Until when her latest code works; null: it was used" }),
  })
  .meta({ id: "AccountMember", example: examples.accountMember });

export const InvitedMemberView = AccountMemberView.extend({
  invitation_code: z.string().meta({ description: "For her, to become a member with, once; shown this once" }),
}).meta({ id: "InvitedAccountMember", example: examples.invitedAccountMember });

export const JoinedMemberView = z
  .strictObject({ member: AccountMemberView, token: NewTokenView })
  .meta({ id: "JoinedAccountMember", example: examples.joinedAccountMember });
