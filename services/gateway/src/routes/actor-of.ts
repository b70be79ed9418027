import type { Actor } from "@strata/contracts";
import type { Call } from "../http/route.ts";

/** Who asks for an administrative act, with what she may, and from where: for the rules, and for the audit log. */
export function actorOf({ grant, origin }: Pick<Call, "grant" | "origin">): Actor {
  const { tokenId, memberId, scopes, expiresAt } = grant;
  const who =
    memberId === undefined ? ({ kind: "token", id: tokenId } as const) : ({ kind: "member", id: memberId } as const);
  return { ...who, tokenId, scopes, expiresAt, ...origin() };
}
