import type { Channel, ConsumeMessage } from "amqplib";
import { deliveryCount } from "./delivery.ts";

/** One delivery in hand, tied to the channel that it came on: on a later channel it cannot be acknowledged. */
export interface InHand {
  readonly message: ConsumeMessage;
  /** True when a process may have died of it, or beside it. */
  readonly isSuspect: boolean;
  /** How many processes may have died of it: fewer than the broker counts, see `survivals`. */
  readonly deaths: number;
  /** This one is what processes died of: whatever else the channel has in hand died beside it, not of it. */
  blame(): void;
  isStale(): boolean;
  ack(): void;
}

/** The deliveries of one channel. */
export interface ChannelHoldings {
  hold(message: ConsumeMessage): InHand;
  /** True while a suspect is in hand, or its ack may not have reached the broker. */
  hasSuspects(): boolean;
  /** Resolves when every ack of a suspect so far has reached the broker. */
  untilAcked(): Promise<void>;
}

/**
 * Tells a lost connection from a lost process. The broker counts both alike (`x-delivery-count`), but whoever lives to
 * see a delivery again that it had in hand when a channel was lost knows that it did not die of it. It remembers the
 * deliveries of the latest loss only, so its memory is bounded by the prefetch.
 */
export function survivals() {
  let survived: ReadonlyMap<string, number> = new Map();
  const survivedBy = (message: ConsumeMessage): number => survived.get(idOf(message)) ?? 0;
  return {
    /** `roundTrip` asks the broker something on this channel; by its answer the broker has every ack written before. */
    attach(channel: Channel, roundTrip: () => Promise<unknown>): ChannelHoldings {
      // In the order in which they came, which is that of their delivery tags.
      const unsettled = new Set<ConsumeMessage>();
      const done = new Set<ConsumeMessage>();
      const suspects = new Set<ConsumeMessage>();
      const acking = new Set<Promise<unknown>>();
      let explained = 0;
      let isOpen = true;
      channel.once("close", () => {
        isOpen = false;
        survived = new Map([...unsettled].map((message) => [idOf(message), survivedBy(message) + explained + 1]));
      });

      /**
       * Each ack is a command that a quorum queue logs, so those of one turn go together: one for all up to the first that
       * is still in hand, and one each for what is done behind it.
       */
      const sendAcks = (): void => {
        if (!isOpen) return;
        let upTo: ConsumeMessage | null = null;
        for (const message of unsettled) {
          if (!done.has(message)) break;
          upTo = message;
        }
        const lastTag = upTo?.fields.deliveryTag ?? 0;
        try {
          if (upTo) channel.ack(upTo, true);
          for (const message of done) if (message.fields.deliveryTag > lastTag) channel.ack(message);
        } catch {
          // The channel died a moment ago: the broker delivers them again, and every handler bears that.
          return;
        }
        for (const message of done) unsettled.delete(message);
        done.clear();
      };

      const acknowledge = (message: ConsumeMessage): void => {
        done.add(message);
        // After this turn, when whatever else it finishes is done, too.
        if (done.size === 1) process.nextTick(sendAcks);
        if (!suspects.has(message)) return;
        sendAcks();
        const arrived = roundTrip()
          .catch(() => undefined)
          .finally(() => {
            suspects.delete(message);
            acking.delete(arrived);
          });
        acking.add(arrived);
      };

      return {
        hasSuspects: () => suspects.size > 0,
        async untilAcked() {
          await Promise.all(acking);
        },
        hold(message) {
          const unexplained = deliveryCount(message.properties.headers) - survivedBy(message);
          unsettled.add(message);
          if (unexplained > 0) suspects.add(message);
          return {
            message,
            isSuspect: unexplained > 0,
            get deaths() {
              return Math.max(0, unexplained - explained);
            },
            blame() {
              explained = Math.max(explained, unexplained);
            },
            isStale: () => !isOpen,
            ack() {
              // A second ack of one delivery would close the channel.
              if (isOpen && unsettled.has(message) && !done.has(message)) acknowledge(message);
            },
          };
        },
      };
    },
  };
}

const idOf = (message: ConsumeMessage): string => String(message.properties.messageId);
