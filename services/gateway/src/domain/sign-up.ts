import { isUuid, notFound, parseBySchema, requireJsonObject, requireProperties } from "@strata/layer-protocol";
import { z } from "zod";
import { EmailAddress } from "./account-members.ts";

/** The body of `POST /accounts`. */
export const SignUpBody = z
  .object({
    name: z.string().trim().min(1).max(128).meta({ description: "Of the account, and of its first app" }),
    email: EmailAddress.meta({ description: "Whom to turn to" }),
  })
  .meta({ id: "SignUp", example: { name: "Shop", email: "ann@example.com" } });

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` */
export function parseSignUp(body: unknown): z.infer<typeof SignUpBody> {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["name", "email"]);
  return parseBySchema(SignUpBody, fields);
}

/** The account in a path. Those that signed up have UUIDs. @throws LayerError 404 `not_found` */
export function parseSandboxId(text: string): string {
  if (!isUuid(text)) throw notFound("There is no such sandbox");
  return text.toLowerCase();
}
