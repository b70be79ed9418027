import type { Packet } from "@strata/layer-protocol";
import type { Closable, Logger } from "@strata/runtime";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Registry } from "./sockets/registry.ts";

/** What is only of this moment, and kept by nobody: typing, presence. */
export interface Signal {
  readonly app: string;
  readonly userIds: readonly string[];
  /** Only to sockets that asked for presence. */
  readonly isPresence: boolean;
  readonly packet: Packet;
}

/** Sends signals to the sockets of all replicas, as far as Redis is there: what gets lost is no loss. */
export interface Signals {
  send(signal: Signal): Promise<void>;
  /** To the sockets of this process alone. */
  show(signal: Signal): void;
}

const CHANNEL = "realtime:signals";

const SentSignal = z.object({
  app: z.string(),
  userIds: z.array(z.string()),
  isPresence: z.boolean(),
  packet: z.object({ type: z.enum(["change", "response", "signal", "operation"]), body: z.unknown() }),
});

/** null: it is none. Whoever can write to Redis can send anything, and must not end this process by it. */
function signalOf(text: string): Signal | null {
  try {
    return SentSignal.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** `subscriber` is a connection for this alone: once it listens it can ask nothing else. */
export function openSignals(
  redis: Redis,
  subscriber: Redis,
  { registry, log, keyPrefix }: { readonly registry: Registry; readonly log: Logger; readonly keyPrefix: string },
): Signals & Closable {
  const channel = `${keyPrefix}${CHANNEL}`;
  const show = ({ app, userIds, isPresence, packet }: Signal): void => {
    const text = JSON.stringify(packet.body);
    for (const userId of registry.present(app, userIds)) {
      for (const connection of registry.ofUser(app, userId)) {
        if (!isPresence || connection.isSubscribed) connection.sendBody(packet.type, text);
      }
    }
  };
  subscriber.on("message", (_channel: string, text: string) => {
    const signal = signalOf(text);
    if (signal) show(signal);
    else log.warn("a signal that nobody understands");
  });
  const subscribe = (): void => {
    subscriber.subscribe(channel).catch((error: unknown) => log.warn("signals are not heard", { error }));
  };
  // Again with every connection, also where Redis was away at the start.
  subscriber.on("ready", subscribe);
  if (subscriber.status === "ready") subscribe();
  return {
    show,
    async send(signal) {
      if (signal.userIds.length === 0) return;
      try {
        await redis.publish(channel, JSON.stringify(signal));
      } catch (error) {
        log.debug("a signal was lost", { error });
      }
    },
    async close() {
      subscriber.removeAllListeners("message");
      subscriber.off("ready", subscribe);
    },
  };
}
