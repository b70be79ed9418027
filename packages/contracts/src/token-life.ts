import { z } from "zod";
import { Actor } from "./actor.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { Token, TokenHash } from "./directory.ts";
import { Millis } from "./values.ts";

const administered = { service: "directory", lane: "admin", version: 1 } as const;

/** How many tokens of one app, or of an account itself, live at once, those aside that others were made in the place of. */
export const MAX_LIVE_TOKENS = 1_000;

export const GetToken = defineQuery({
  service: "directory",
  name: "GetToken",
  version: 1,
  payload: z.object({ accountId: z.string(), tokenId: z.uuid() }),
  /** The account's token of this id, ended or not; null: there is none. */
  reply: z.object({ token: Token.nullable() }),
});

/**
 * Makes a token in another's place, with its name, app and scopes, and ends that one when the overlap is over, counted from
 * when this was sent. Refused: `not_found`; `invalid_operation` for one that has ended or been replaced, and where too many would live at once; `id_in_use`;
 * `access_denied` for more than its maker has.
 */
export const RotateToken = defineCommand({
  ...administered,
  name: "RotateToken",
  payload: z.object({
    tokenId: z.uuid(),
    accountId: z.string(),
    newTokenId: z.uuid(),
    hash: TokenHash,
    overlapMs: Millis,
    /** Absent: the same as the other's. */
    expiresAt: Millis.nullable().optional(),
    actor: Actor.optional(),
  }),
  reply: Token,
});

/** Tokens were used at these times or later, as far as a gateway has noticed. Repeated or late, it changes nothing. */
export const RecordTokenUses = defineCommand({
  ...administered,
  name: "RecordTokenUses",
  payload: z.object({
    uses: z.array(z.object({ accountId: z.string(), tokenId: z.string(), at: Millis })).max(1_000),
  }),
});

/** What a token grants is another from now on, such as until when: whoever keeps it asks again. */
export const TokenChanged = defineEvent({
  name: "directory.token.changed",
  version: 1,
  producer: "directory",
  payload: z.object({ tokenId: z.uuid(), hash: TokenHash }),
});
