import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { AppId, ContentId, Millis } from "./values.ts";

/** What the holder of a content URL may do, and until when. */
export const ContentTicket = z.object({
  app: AppId,
  contentId: ContentId,
  allows: z.enum(["upload", "download"]),
  expiresAt: Millis,
  /** The web origin whose pages may use it; null: see where it is served. */
  origin: z.string().nullable(),
});
export type ContentTicket = z.infer<typeof ContentTicket>;

/** Goes into every signature, so that this key's signatures under something else are never taken for tickets. */
const PURPOSE = "strata-content-ticket-v1";

/** A ticket as a part of a URL: its JSON and an HMAC-SHA256 over it, each in base64url. */
export function signContentTicket(key: Buffer, ticket: ContentTicket): string {
  const text = Buffer.from(JSON.stringify(ticket)).toString("base64url");
  return `${text}.${signatureOf(key, text).toString("base64url")}`;
}

/** The ticket in such a text; null when it was not signed with this key, was changed, or has expired by `now`. */
export function readContentTicket(key: Buffer, token: string, now: number): ContentTicket | null {
  const [text = "", signature = "", ...rest] = token.split(".");
  if (rest.length > 0) return null;
  const expected = signatureOf(key, text);
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const ticket = ContentTicket.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  return ticket.expiresAt > now ? ticket : null;
}

const signatureOf = (key: Buffer, text: string): Buffer =>
  createHmac("sha256", key).update(`${PURPOSE}.${text}`).digest();
