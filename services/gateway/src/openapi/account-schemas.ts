import { Scope } from "@strata/contracts";
import { z } from "zod";
import { examples } from "./examples.ts";

const Time = z.iso.datetime();

export const AppView = z
  .strictObject({
    id: z.string().meta({ description: "`layer:///apps/production/<app_id>`" }),
    url: z.string(),
    app_id: z.uuid().meta({ description: "What stands in paths" }),
    name: z.string(),
    created_at: Time,
  })
  .meta({ id: "App", example: examples.app });

export const TokenView = z
  .strictObject({
    id: z.uuid(),
    url: z.string(),
    app_id: z.uuid(),
    name: z.string(),
    scopes: z.array(Scope),
    created_at: Time,
    expires_at: Time.nullable(),
    revoked_at: Time.nullable(),
  })
  .meta({ id: "Token", example: examples.token });

export const NewTokenView = TokenView.extend({
  token: z.string().meta({ description: "For `Authorization: Bearer …`; shown this once" }),
}).meta({ id: "NewToken", example: examples.newToken });
