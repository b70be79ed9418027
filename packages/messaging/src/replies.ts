import type { Connection } from "./connection.ts";
import type { ReplyBody } from "./requester.ts";

/** Sends answers back. Neither mandatory nor confirmed: who does not get one asks again. */
export interface Replies {
  readonly send: (replyTo: string, correlationId: string, body: ReplyBody) => void;
}

export function openReplies(connection: Connection): Replies {
  // The default prefetch, set only because every set-up must ask the broker something.
  const channel = connection.openPlain("replies", async (opened) => {
    await opened.prefetch(0);
  });
  let isFull = false;
  return {
    send(replyTo, correlationId, body) {
      // A blocked connection takes nothing for as long as the alarm lasts: beyond a full buffer, replies are let go.
      if (!channel.current || (isFull && connection.isBlocked)) return;
      try {
        isFull = !channel.current.publish("", replyTo, Buffer.from(JSON.stringify(body)), { correlationId });
      } catch {
        // The channel has just died; the requester asks again under the same id.
      }
    },
  };
}
