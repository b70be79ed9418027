import { z } from "zod";
import { Actor } from "./actor.ts";
import { App } from "./app.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { Token, TokenHash } from "./directory.ts";
import { AppId, Millis } from "./values.ts";

/** The account that a deployment begins with, and that lets others out of their sandboxes. */
export const OPERATOR = "operator";

/** What an account may have before the operator has looked at it. */
export const MAX_SANDBOX_APPS = 3;

/** Who owns apps. One that signed up by itself is a sandbox until the operator lifts that: for staging apps only, and few. */
export const Account = z.object({
  accountId: z.string(),
  name: z.string(),
  /** Of whom to turn to, as she wrote it: nobody has asked whether it is hers. */
  email: z.string().nullable(),
  createdAt: Millis,
  isSandbox: z.boolean(),
  liftedAt: Millis.nullable(),
});
export type Account = z.infer<typeof Account>;

const administered = { service: "directory", lane: "admin", version: 1 } as const;

/**
 * Makes a sandbox account with one staging app and a token that administers it. Refused: `id_in_use`, saying nothing of what
 * has the id: whoever signs up is a stranger.
 */
export const SignUp = defineCommand({
  ...administered,
  name: "SignUp",
  payload: z.object({
    accountId: z.uuid(),
    name: z.string().min(1).max(128),
    email: z.string().min(3).max(254),
    appId: AppId,
    tokenId: z.uuid(),
    hash: TokenHash,
    /** From where: whose act it is follows from the token that it makes. */
    origin: Actor.pick({ address: true, userAgent: true }),
  }),
  reply: z.object({ account: Account, app: App, token: Token }),
});

/** Makes a sandbox an account like others, once. Refused: `access_denied` to who is not the operator; `not_found`. */
export const LiftSandbox = defineCommand({
  ...administered,
  name: "LiftSandbox",
  payload: z.object({
    /** Of who asks. */
    operatorId: z.string(),
    accountId: z.string(),
    actor: Actor,
  }),
  reply: Account,
});

/** Accounts that signed up by themselves, lifted ones too, the newest first. Refused: `access_denied` to who is not the operator. */
export const ListSandboxes = defineQuery({
  service: "directory",
  name: "ListSandboxes",
  version: 1,
  payload: z.object({ operatorId: z.string() }),
  reply: z.object({ accounts: z.array(Account) }),
});
