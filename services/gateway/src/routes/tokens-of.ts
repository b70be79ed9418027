import {
  createToken,
  CreateToken,
  GetToken,
  ListTokens,
  RevokeToken,
  RotateToken,
  Token,
  tokenHash,
} from "@strata/contracts";
import { type Calls, intentOf } from "@strata/doors";
import { idInUse, isUuid, notFound, parseIdempotencyKey, parseIfNoneMatch } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { parseRotation, type WantedToken } from "../domain/account-requests.ts";
import { type Answer, type Call, created, noContent, ok } from "../http/route.ts";
import { tokenView } from "./account-views.ts";
import { actorOf } from "./actor-of.ts";

/** Whose tokens they are: an app's of the caller's account, or the account's own (null). */
type Holder = string | null;

const callsOf = ({ calls }: Call, holder: Holder): Calls => (holder === null ? calls : calls.inApp(holder));

/** Under which id the next one is made. */
function newIdOf(call: Call, holder: Holder): string {
  const chosenId = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  return intentOf({ scope: `${holder ?? call.grant.accountId}/tokens`, chosenId, idempotencyKey }).id;
}

export async function makeToken(call: Call, holder: Holder, wanted: WantedToken): Promise<Answer> {
  const { accountId } = call.grant;
  const tokenId = newIdOf(call, holder);
  return showNew(call, holder, (hash) =>
    callsOf(call, holder).request(CreateToken, {
      ...wanted,
      tokenId,
      accountId,
      appId: holder,
      hash,
      actor: actorOf(call),
    }),
  );
}

/** Whatever a repeat says, the text cannot be shown again: so the id is in use, also under an Idempotency-Key. */
async function showNew(call: Call, holder: Holder, make: (hash: string) => Promise<Token>): Promise<Answer> {
  const text = createToken();
  try {
    const token = await make(tokenHash(text));
    return created({ ...tokenView(call.wire.baseUrl, holder, token), token: text });
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "id_in_use") throw error;
    const existing = Token.safeParse(error.details["token"]);
    const isOfThisHolder = existing.success && existing.data.appId === holder;
    throw idInUse(isOfThisHolder ? tokenView(call.wire.baseUrl, holder, existing.data) : null);
  }
}

export async function listTokensOf(call: Call, holder: Holder): Promise<Answer> {
  const { tokens } = await callsOf(call, holder).ask(ListTokens, { accountId: call.grant.accountId, appId: holder });
  return ok(tokens.map((token) => tokenView(call.wire.baseUrl, holder, token)));
}

/** Of the token in the path, or of the caller's own. */
export async function rotateTokenOf(call: Call, holder: Holder, ownId?: string): Promise<Answer> {
  const wanted = parseRotation(call.body);
  const tokenId = ownId ?? (await tokenIn(call, holder));
  const newTokenId = newIdOf(call, holder);
  const { accountId } = call.grant;
  return showNew(call, holder, (hash) =>
    callsOf(call, holder).request(RotateToken, {
      ...wanted,
      tokenId,
      accountId,
      newTokenId,
      hash,
      actor: actorOf(call),
    }),
  );
}

export async function revokeTokenOf(call: Call, holder: Holder, ownId?: string): Promise<Answer> {
  const tokenId = ownId ?? (await tokenIn(call, holder));
  const command = { tokenId, accountId: call.grant.accountId, actor: actorOf(call) };
  await callsOf(call, holder).request(RevokeToken, command);
  return noContent;
}

/** The directory knows tokens by account; under a holder's path only her own are there. */
async function tokenIn(call: Call, holder: Holder): Promise<string> {
  const tokenId = call.param("token").toLowerCase();
  if (!isUuid(tokenId)) throw noToken();
  const { token } = await callsOf(call, holder).ask(GetToken, { accountId: call.grant.accountId, tokenId });
  if (token?.appId !== holder) throw noToken();
  return tokenId;
}

const noToken = () => notFound("There is no such token");
