import { z } from "zod";
import { Scope } from "./scope.ts";
import { Millis } from "./values.ts";

/** Who does an administrative act, with what she may, and from where. Commands that were sent before have none. */
export const Actor = z.object({
  /** Of whom `id` is: a member acts with a token that is hers, anybody else with one that is its own master. */
  kind: z.enum(["token", "member"]),
  id: z.string(),
  tokenId: z.string(),
  /** What the token grants: nobody passes on more. */
  scopes: z.array(Scope),
  expiresAt: Millis.nullable(),
  /** As limits have it: of IPv6 the network. */
  address: z.string().max(64),
  userAgent: z.string().max(256).nullable(),
});
export type Actor = z.infer<typeof Actor>;
