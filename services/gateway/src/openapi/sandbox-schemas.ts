import { z } from "zod";
import { AppView, NewTokenView } from "./account-schemas.ts";
import { examples } from "./examples.ts";

const Time = z.iso.datetime();

export const AccountView = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    email: z.string().nullable().meta({ description: "As it was given: nobody has asked whether mail arrives there" }),
    sandbox: z.boolean().meta({ description: "Whether it has staging apps only, and three at most" }),
    created_at: Time,
    lifted_at: Time.nullable().meta({ description: "When the operator let it out of its sandbox" }),
  })
  .meta({ id: "Account", example: examples.account });

export const SignedUpView = z
  .strictObject({ account: AccountView, app: AppView, token: NewTokenView })
  .meta({ id: "SignedUp", example: examples.signedUp });
