import {
  AcceptInvitation,
  AccountMember,
  ChangeMember,
  createInvitationCode,
  createToken,
  InviteMember,
  ListAccountMembers,
  RemoveMember,
  RenewInvitation,
  tokenHash,
} from "@strata/contracts";
import { intentOf } from "@strata/doors";
import { conflict, idInUse, parseIdempotencyKey, parseIfNoneMatch } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { randomUUID } from "node:crypto";
import { z } from "zod";
import {
  AcceptanceBody,
  InvitationBody,
  memberIdIn,
  MemberPatchBody,
  noMember,
  parseAcceptance,
  parseInvitation,
  parseMemberPatch,
} from "../domain/account-members.ts";
import { type Answer, type Call, created, noContent, ok, type Route, type StrangerCall } from "../http/route.ts";
import { AccountMemberView, InvitedMemberView, JoinedMemberView } from "../openapi/account-member-schemas.ts";
import { forAnybody } from "../openapi/client-operation.ts";
import { operation } from "../openapi/operation.ts";
import { AccountMemberPath, CreationHeaders } from "../openapi/parameters.ts";
import { accountMemberView, tokenView } from "./account-views.ts";
import { actorOf } from "./actor-of.ts";

const collection = "/accounts/members";
const path = `${collection}/:account_member`;
const NOT_MORE = "Nobody gives, changes or takes a role that she has not herself: 403 `access_denied`.";
const ONCE = "Its text is in this answer and nowhere else: Strata sends no e-mail. It works once, for seven days.";

interface Options {
  readonly maxBodyBytes: number;
}

/** The people of an account: who they are, what they may do, and how they come in. */
export const accountMemberRoutes = (options: Options): readonly Route[] => [
  inviteRoute(options),
  listRoute(),
  getRoute(),
  renewRoute(),
  changeRoute(options),
  removeRoute(),
  acceptRoute(),
];

const inviteRoute = ({ maxBodyBytes }: Options): Route => ({
  method: "post",
  path: collection,
  access: "account:write",
  maxBodyBytes,
  operation: operation({
    id: "inviteAccountMember",
    tag: "Accounts",
    summary: "Invite somebody to the account, with a role",
    description: `Answers a code for her to come in with. ${ONCE} ${NOT_MORE} An e-mail address is one member's: 409 \`conflict\` with her.`,
    headers: CreationHeaders,
    body: InvitationBody,
    answer: { status: 201, description: "The member that she is to be, with the code", schema: InvitedMemberView },
    errors: [409, 413, 422],
  }),
  handle: invite,
});

/** As with tokens, a repeat cannot show the text again: the id is in use, also under an Idempotency-Key. */
async function invite(call: Call): Promise<Answer> {
  const wanted = parseInvitation(call.body);
  const chosenId = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const { accountId } = call.grant;
  const { id: memberId } = intentOf({ scope: `${accountId}/members`, chosenId, idempotencyKey });
  const code = createInvitationCode();
  const command = { ...wanted, accountId, memberId, codeHash: tokenHash(code), actor: actorOf(call) };
  try {
    return created(withCode(call, await call.calls.request(InviteMember, command), code));
  } catch (error) {
    throw takenBy(error, call) ?? error;
  }
}

const withCode = ({ wire }: Call, member: AccountMember, code: string) => ({
  ...accountMemberView(wire.baseUrl, member),
  invitation_code: code,
});

function takenBy(error: unknown, { wire }: Call) {
  if (!(error instanceof DomainError)) return null;
  const existing = AccountMember.safeParse(error.details["member"]);
  const shown = existing.success ? accountMemberView(wire.baseUrl, existing.data) : null;
  if (error.code === "conflict") return conflict("Somebody with this e-mail address is a member already", shown);
  return error.code === "id_in_use" ? idInUse(shown) : null;
}

const listRoute = (): Route => ({
  method: "get",
  path: collection,
  access: "account:read",
  operation: operation({
    id: "listAccountMembers",
    tag: "Accounts",
    summary: "The people of the account, the first invited first",
    answer: { status: 200, description: "All of them, without their codes", schema: z.array(AccountMemberView) },
  }),
  async handle(call) {
    const members = await membersOf(call);
    return ok(members.map((member) => accountMemberView(call.wire.baseUrl, member)));
  },
});

const getRoute = (): Route => ({
  method: "get",
  path,
  access: "account:read",
  operation: operation({
    id: "getAccountMember",
    tag: "Accounts",
    summary: "One member of the account; `me`: whose token it is",
    path: AccountMemberPath,
    answer: { status: 200, description: "The member", schema: AccountMemberView },
    errors: [404],
  }),
  async handle(call) {
    const memberId = memberOf(call);
    const found = (await membersOf(call)).find((member) => member.memberId === memberId);
    if (!found) throw noMember();
    return ok(accountMemberView(call.wire.baseUrl, found));
  },
});

const renewRoute = (): Route => ({
  method: "post",
  path: `${path}/invitation`,
  access: "account:write",
  operation: operation({
    id: "renewAccountInvitation",
    tag: "Accounts",
    summary: "Invite a member again, with another code",
    description:
      `The code before works no more. ${ONCE} ${NOT_MORE} Who has joined gets one from an owner alone, since whoever uses ` +
      "it acts as she does; her tokens go on.",
    path: AccountMemberPath,
    answer: { status: 201, description: "The member, with the code", schema: InvitedMemberView },
    errors: [404],
  }),
  async handle(call) {
    const code = createInvitationCode();
    const { accountId } = call.grant;
    const command = { accountId, memberId: memberOf(call), codeHash: tokenHash(code), actor: actorOf(call) };
    return created(withCode(call, await call.calls.request(RenewInvitation, command), code));
  },
});

const changeRoute = ({ maxBodyBytes }: Options): Route => ({
  method: "patch",
  path,
  access: "account:write",
  maxBodyBytes,
  operation: operation({
    id: "changeAccountMember",
    tag: "Accounts",
    summary: "Give a member another role or name",
    description:
      "A JSON object, no Layer-Patch. Her tokens grant within a second what the role does. Of somebody invited who gets more, " +
      "the code works no more: invite her again. " +
      `${NOT_MORE} The last who administers the account stays an owner: 422 \`invalid_operation\`.`,
    path: AccountMemberPath,
    body: MemberPatchBody,
    answer: { status: 200, description: "The member as she is now", schema: AccountMemberView },
    errors: [404, 413, 422],
  }),
  async handle(call) {
    const wanted = parseMemberPatch(call.body);
    const command = { ...wanted, accountId: call.grant.accountId, memberId: memberOf(call), actor: actorOf(call) };
    return ok(accountMemberView(call.wire.baseUrl, await call.calls.request(ChangeMember, command)));
  },
});

const removeRoute = (): Route => ({
  method: "delete",
  path,
  access: "account:write",
  operation: operation({
    id: "removeAccountMember",
    tag: "Accounts",
    summary: "Remove a member from the account",
    description:
      "Within a second her own tokens grant nothing any more; what she has made, other tokens too, stays. " +
      `${NOT_MORE} The last who administers the account stays: 422 \`invalid_operation\`.`,
    path: AccountMemberPath,
    answer: { status: 204, description: "Removed" },
    errors: [404, 422],
  }),
  async handle(call) {
    const command = { accountId: call.grant.accountId, memberId: memberOf(call), actor: actorOf(call) };
    await call.calls.request(RemoveMember, command);
    return noContent;
  },
});

/** Of a code, and no more: whoever sends it is a stranger. */
const MAX_ACCEPTANCE_BYTES = 4_096;

const acceptRoute = (): Route => ({
  method: "post",
  path: "/accounts/invitations/accept",
  access: "anybody",
  isLimited: true,
  maxBodyBytes: MAX_ACCEPTANCE_BYTES,
  operation: forAnybody(
    operation({
      id: "acceptAccountInvitation",
      tag: "Accounts",
      summary: "Become a member of an account with the code of an invitation",
      description:
        "Answers a token that acts as this member, for 30 days; `POST /accounts/tokens/self/rotate` puts another in its " +
        "place. Its text is in this answer and nowhere else: where that gets lost, be invited again. A code that was used, " +
        "renewed, is over or never was is 422 `invalid_property` `code`.",
      body: AcceptanceBody,
      answer: { status: 201, description: "The member, and her token with its text", schema: JoinedMemberView },
      errors: [413, 422],
    }),
  ),
  handle: accept,
});

async function accept(call: StrangerCall): Promise<Answer> {
  const code = parseAcceptance(call.body);
  const text = createToken();
  const command = { codeHash: tokenHash(code), tokenId: randomUUID(), hash: tokenHash(text), origin: call.origin() };
  const { member, token } = await call.calls.request(AcceptInvitation, command);
  const { baseUrl } = call.wire;
  return created({
    member: accountMemberView(baseUrl, member),
    token: { ...tokenView(baseUrl, null, token), token: text },
  });
}

const memberOf = (call: Call): string => memberIdIn(call.param("account_member"), call.grant.memberId);

async function membersOf({ calls, grant }: Call): Promise<readonly AccountMember[]> {
  return (await calls.ask(ListAccountMembers, { accountId: grant.accountId })).members;
}
