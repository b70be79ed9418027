import { createToken, SignUp, tokenHash } from "@strata/contracts";
import { intentOf } from "@strata/doors";
import { parseIdempotencyKey, parseIfNoneMatch } from "@strata/layer-protocol";
import { randomUUID } from "node:crypto";
import { parseSignUp, SignUpBody } from "../domain/sign-up.ts";
import { type Answer, created, type Route, type StrangerCall } from "../http/route.ts";
import type { SignUpLimit } from "../http/sign-up-limit.ts";
import { SignedUpView } from "../openapi/sandbox-schemas.ts";
import { forAnybody } from "../openapi/client-operation.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders } from "../openapi/parameters.ts";
import { accountView, appView, tokenView } from "./account-views.ts";

interface Options {
  /** null: nobody signs up here. */
  readonly signUps: SignUpLimit | null;
}

/** A name and an address of mail: whoever sends them is a stranger. */
const MAX_BODY_BYTES = 4_096;

/** Where the operator lets strangers have a sandbox; else it is no endpoint, and in no document. */
export const signUpRoutes = ({ signUps }: Options): readonly Route[] =>
  signUps === null
    ? []
    : [
        {
          method: "post",
          path: "/accounts",
          access: "anybody",
          isLimited: true,
          maxBodyBytes: MAX_BODY_BYTES,
          operation: forAnybody(
            operation({
              id: "signUp",
              tag: "Accounts",
              summary: "Sign up: a sandbox account with an app to try things in",
              description:
                "Answers the account, one staging app, and a token that administers the account (`account:admin`, without an " +
                "end). Its text is in this answer and nowhere else, so a repeat under the same If-None-Match or " +
                "Idempotency-Key is 409 `id_in_use`. A sandbox has staging apps only, and three at most, until the operator " +
                "lifts it. So many an hour from one address: 429 with `Retry-After`.",
              headers: CreationHeaders,
              body: SignUpBody,
              answer: { status: 201, description: "The account, its app and its token", schema: SignedUpView },
              errors: [409, 413, 422],
            }),
          ),
          handle: (call) => handle(call, signUps),
        },
      ];

async function handle(call: StrangerCall, signUps: SignUpLimit): Promise<Answer> {
  const { name, email } = parseSignUp(call.body);
  const chosenId = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  // Strangers know nothing of each other's keys: those of another e-mail address are other keys.
  const { id: accountId } = intentOf({ scope: `sign-ups/${email.toLowerCase()}`, chosenId, idempotencyKey });
  const origin = call.origin();
  await signUps.take(origin.address);
  const text = createToken();
  const ids = { accountId, appId: randomUUID(), tokenId: randomUUID() };
  const { account, app, token } = await call.calls.request(SignUp, {
    ...ids,
    name,
    email,
    hash: tokenHash(text),
    origin,
  });
  const { baseUrl } = call.wire;
  return created({
    account: accountView(account),
    app: appView(baseUrl, app),
    token: { ...tokenView(baseUrl, null, token), token: text },
  });
}
