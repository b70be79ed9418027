import type { Connection } from "./connection.ts";
import type { ReplyBody } from "./requester.ts";

/** Sends answers back. Neither mandatory nor confirmed: who does not get one asks again. */
export interface Replies {
  readonly send: (replyTo: string, correlationId: string, body: ReplyBody) => void;
}

export function openReplies(connection: Connection): Replies {
  const channel = connection.openPlain("replies", async () => undefined);
  return {
    send(replyTo, correlationId, body) {
      try {
        channel.current?.publish("", replyTo, Buffer.from(JSON.stringify(body)), { correlationId });
      } catch {
        // The channel has just died; the requester asks again under the same id.
      }
    },
  };
}
