import { z } from "zod";
import { exampleIds } from "./examples.ts";

export const NonceView = z
  .strictObject({ nonce: z.string() })
  .meta({ id: "Nonce", example: { nonce: "AZ1hQm3mUoXo0ySx3Vf1L8n2pWk4rT6yZcQaGdEbHiJkLmNoPqRsTuVw" } });

export const SessionRequest = z
  .object({
    identity_token: z
      .string()
      .meta({ description: "A JWT, signed RS256 with a key of one of the app's identity providers" }),
    app_id: z.string().meta({ description: "The app's id, bare or as `layer:///apps/…`" }),
  })
  .meta({
    id: "SessionRequest",
    example: {
      identity_token: "eyJhbGciOi….eyJpc3Mi….c2lnbmF0dXJl",
      app_id: `layer:///apps/production/${exampleIds.app}`,
    },
  });

export const SessionView = z
  .strictObject({
    session_token: z.string().meta({ description: 'For `Authorization: Layer session-token="…"`; shown this once' }),
  })
  .meta({ id: "Session", example: { session_token: "x".repeat(64) } });

export const SessionPath = z.object({
  token: z.string().meta({ description: "A session token", example: "x".repeat(64) }),
});

export const RootLinks = z.object({
  Link: z.string().meta({ description: "With the rels nonces, sessions, conversations and content" }),
});

export const WebSocketQuery = z.object({
  action: z
    .string()
    .optional()
    .meta({ description: "What for: clients say `validateConnectionForWebsocket`. Ignored" }),
  client: z.string().optional().meta({ description: "The client's version. Ignored" }),
});
