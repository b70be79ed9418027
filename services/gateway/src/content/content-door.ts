import type { IncomingMessage, ServerResponse } from "node:http";
import { type ContentTicket, readContentTicket } from "@strata/contracts";
import { accessDenied } from "@strata/layer-protocol";
import type { InFlight } from "../http/in-flight.ts";
import { unlimitReceiving } from "../http/receive-limit.ts";
import type { SignedRoute } from "../http/route.ts";
import { contextOf } from "../http/request-context.ts";
import { allowOrigin, answerPreflight } from "./content-cors.ts";
import type { ContentRelay } from "./content-relay.ts";

type Stream = SignedRoute["stream"];

/** What is behind `/content/:token`. */
export interface ContentDoor {
  readonly take: Stream;
  readonly give: Stream;
  readonly preflight: Stream;
}

interface Deps {
  readonly key: Buffer;
  readonly relay: ContentRelay;
  /** Counts transfers apart from calls: they last for long, and must not use up the calls' places. */
  readonly inFlight: InFlight;
}

/** Lets in who holds a good ticket, and leaves the bytes to the relay. */
export function contentDoor({ key, relay, inFlight }: Deps): ContentDoor {
  const enter = async (
    request: IncomingMessage,
    response: ServerResponse,
    token: string,
    allows: ContentTicket["allows"],
  ): Promise<void> => {
    // Also an expired ticket says whose pages may see that it has expired.
    const ticket = readContentTicket(key, token, 0);
    allowOrigin(request, response, ticket);
    if (ticket?.allows !== allows) throw accessDenied(`This is no URL to ${allows} with`);
    contextOf(response).app = ticket.app;
    const remainingMs = ticket.expiresAt - Date.now();
    if (remainingMs <= 0) throw accessDenied("This URL has expired");
    const leave = inFlight.enter(ticket.app);
    try {
      unlimitReceiving(request);
      await relay.relay(request, response, { token, maxAgeSeconds: Math.floor(remainingMs / 1_000) });
    } finally {
      leave();
    }
  };
  return {
    take: (request, response, token) => enter(request, response, token, "upload"),
    give(request, response, token) {
      // Whatever it is, it is nobody's page at this address.
      response.setHeader("Content-Security-Policy", "sandbox; default-src 'none'");
      return enter(request, response, token, "download");
    },
    async preflight(request, response, token) {
      allowOrigin(request, response, readContentTicket(key, token, 0));
      answerPreflight(response);
    },
  };
}
