import { AccountRole, isWellFormedInvitationCode } from "@strata/contracts";
import {
  invalidProperty,
  isUuid,
  notFound,
  parseBySchema,
  requireJsonObject,
  requireProperties,
} from "@strata/layer-protocol";
import { z } from "zod";

const Name = z.string().trim().min(1).max(128);
/** Whether mail arrives there only mail can tell: this keeps out what is no address at all. */
export const EmailAddress = z.email().max(254);

/** The body of `POST /accounts/members`. */
export const InvitationBody = z
  .object({ email: EmailAddress, name: Name.nullish(), role: AccountRole })
  .meta({ id: "AccountInvitation", example: { email: "ann@example.com", name: "Ann", role: "developer" } });

/** The body of `PATCH /accounts/members/:member`. */
export const MemberPatchBody = z
  .object({ role: AccountRole.optional(), name: Name.nullable().optional() })
  .meta({ id: "AccountMemberPatch", example: { role: "viewer" } });

/** The body of `POST /accounts/invitations/accept`. */
export const AcceptanceBody = z
  .object({ code: z.string().meta({ description: "As it was shown to who invited" }) })
  .meta({ id: "AcceptedInvitation", example: { code: `strata_invitation_${"x".repeat(33)}` } });

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` */
export function parseInvitation(body: unknown) {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["email", "role"]);
  const { email, name, role } = parseBySchema(InvitationBody, fields);
  return { email, name: name ?? null, role };
}

/** @throws LayerError 400 `invalid_request`; 422 `invalid_property` */
export function parseMemberPatch(body: unknown) {
  const { role, name } = parseBySchema(MemberPatchBody, requireJsonObject(body));
  return { ...(role === undefined ? {} : { role }), ...(name === undefined ? {} : { name }) };
}

/** What cannot be a code is refused without asking anybody. @throws LayerError 400 `invalid_request`; 422 */
export function parseAcceptance(body: unknown): string {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["code"]);
  const { code } = parseBySchema(AcceptanceBody, fields);
  if (!isWellFormedInvitationCode(code)) throw invalidProperty("code", "is no invitation's");
  return code;
}

/** The member in a path, by her id or as `me`. @throws LayerError 404 `not_found` */
export function memberIdIn(text: string, me: string | undefined): string {
  const memberId = text === "me" ? me : text.toLowerCase();
  if (memberId === undefined || !isUuid(memberId)) throw noMember();
  return memberId;
}

export const noMember = () => notFound("There is no such member");
