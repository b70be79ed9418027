import { LiftSandbox, ListSandboxes } from "@strata/contracts";
import { z } from "zod";
import { parseSandboxId } from "../domain/sign-up.ts";
import { ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { SandboxPath } from "../openapi/parameters.ts";
import { AccountView } from "../openapi/sandbox-schemas.ts";
import { accountView } from "./account-views.ts";
import { actorOf } from "./actor-of.ts";

const path = "/accounts/sandboxes";
const OPERATOR_ALONE = "With a token of the operator's account; any other is 403 `access_denied`.";

/** Accounts that signed up by themselves, for the operator to look at and to let out. */
export const sandboxRoutes = (): readonly Route[] => [
  {
    method: "get",
    path,
    access: "account:admin",
    operation: operation({
      id: "listSandboxes",
      tag: "Accounts",
      summary: "Accounts that signed up by themselves, lifted ones too, the newest first",
      description: `The newest thousand. ${OPERATOR_ALONE}`,
      answer: { status: 200, description: "The accounts", schema: z.array(AccountView) },
    }),
    async handle({ calls, grant }) {
      const { accounts } = await calls.ask(ListSandboxes, { operatorId: grant.accountId });
      return ok(accounts.map(accountView));
    },
  },
  {
    method: "post",
    path: `${path}/:sandbox/lift`,
    access: "account:admin",
    operation: operation({
      id: "liftSandbox",
      tag: "Accounts",
      summary: "Let an account out of its sandbox",
      description: `It may have production apps from now on, as many as it likes. Lifting it again changes nothing. ${OPERATOR_ALONE}`,
      path: SandboxPath,
      answer: { status: 200, description: "The account as it is now", schema: AccountView },
      errors: [404],
    }),
    async handle(call) {
      const accountId = parseSandboxId(call.param("sandbox"));
      const command = { operatorId: call.grant.accountId, accountId, actor: actorOf(call) };
      return ok(accountView(await call.calls.request(LiftSandbox, command)));
    },
  },
];
